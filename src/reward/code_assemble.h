// Joins a prompt, a completion and asserts into one program, so that the completion cannot disarm
// the asserts.
#pragma once

#include <string>

#include "base/error.h"
#include "reward/code_extract.h"
#include "reward/code_tests.h"

namespace r1 {

/// The candidate's whole text: code that continues the prompt is put behind it.
std::string candidate_text(const CodeTests& tests, ExtractedCode code);

/// A C or C++ program whose main() runs the asserts and then calls r1_finish_KEY(). Its macros end
/// before the asserts. The error is the reason for refusing the candidate.
Result<std::string> native_text(const CodeTests& tests, const ExtractedCode& code,
                                const std::string& key);

/// The job of the Python harness.
std::string python_job(const CodeTests& tests, const std::string& candidate,
                       const std::string& token);

}  // namespace r1
