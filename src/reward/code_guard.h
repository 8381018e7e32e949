// What a C or C++ program that shares a process with its asserts may not hold.
#pragma once

#include <set>
#include <string>

namespace r1 {

/// The first thing in a program that would decide an assert in place of the value, read the tests
/// while compiling, or run before the harness does; "" when there is none. Comments and literals
/// are read like code: a word too many is only refused once more.
std::string forbidden_in_native(const std::string& program);

/// The names of all macros that a program defines.
std::set<std::string> defined_macros(const std::string& program);

}  // namespace r1
