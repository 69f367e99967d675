typedef int sh_app_empty;
