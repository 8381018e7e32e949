// The programs of ours that run in the jail beside a candidate judged by calls.
#pragma once

#include <string>

namespace r1 {

/// Python. Forks a keeper of the candidate, which has none of the tests, then reads from standard
/// input the lines of a job and runs the tests, calling the candidate by messages of plain values.
/// The job: length-prefixed texts (see code_python.cpp) token, entry point, prelude, code, setup,
/// tests. Prints "TOKEN i ok" or "TOKEN i error" a test.
extern const char kPythonHarness[];

/// C, linked before a C or C++ candidate: takes the token from standard input before any line of
/// the candidate runs, and prints it when its r1_finish_NAME() is called.
extern const char kNativeHarness[];

}  // namespace r1
