/* cmd.h -- the subcommands; one file each, which reads as the story of a run. argv[0] is the subcommand's name. A
 * command returns SH_OK, or a failure whose message main prints. SH_EINPUT ends with exit code 2, others with 1. */
#ifndef SH_CMD_CMD_H
#define SH_CMD_CMD_H

#include "base/status.h"

sh_status sh_cmd_train(int argc, char **argv);
sh_status sh_cmd_sample(int argc, char **argv);
sh_status sh_cmd_score(int argc, char **argv);
sh_status sh_cmd_relax(int argc, char **argv);
sh_status sh_cmd_evaluate(int argc, char **argv);
sh_status sh_cmd_export(int argc, char **argv);
sh_status sh_cmd_report(int argc, char **argv);
sh_status sh_cmd_model(int argc, char **argv);
sh_status sh_cmd_reference(int argc, char **argv);
sh_status sh_cmd_info(int argc, char **argv);

const char *sh_version(void);

#endif
