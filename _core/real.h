/* The number type of the engine; setup.py defines MINIDECOMP_REAL. */
#ifndef MD_REAL_H
#define MD_REAL_H

#include "compiler.h"

typedef MINIDECOMP_REAL real;

#endif
