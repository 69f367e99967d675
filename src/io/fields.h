/* fields.h -- numbers and texts as fields of JSON and CSV. What is no finite number is null, or an empty field. */
#ifndef SH_IO_FIELDS_H
#define SH_IO_FIELDS_H

#include <stdio.h>

/* In double quotes, with escapes. */
void sh_json_text(FILE *out, const char *text);
void sh_json_number(FILE *out, double x);

/* In double quotes, ends of lines as blanks. */
void sh_csv_text(FILE *out, const char *text);
void sh_csv_value(FILE *out, double x);

#endif
