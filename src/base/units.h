/* units.h -- conversions that more than one module needs. */
#ifndef SH_BASE_UNITS_H
#define SH_BASE_UNITS_H

/* 1 eV/Å^3 in GPa, with the elementary charge of CODATA 2014, 1.6021766208e-19 C: the published program of M3GNet has its stress by this
 * number, and so has the protocol of its relaxations. (With the charge that is exact since 2019 it is 160.2176634, 8e-9 more.) */
#define SH_GPA 160.21766208

#endif
