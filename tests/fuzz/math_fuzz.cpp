// Fuzzes the judging of mathematical answers; the first zero byte parts reference and completion.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "math/verify.h"

using namespace r1;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = input.find('\0');
  const std::string_view gold = input.substr(0, end);
  const std::string_view answer = end == input.npos ? input : input.substr(end + 1);
  const MathVerdict there = verify_answer(gold, answer, {.skip_thought = false});
  const MathVerdict again = verify_answer(gold, answer, {.skip_thought = false});
  if (there.equal != again.equal || there.reason != again.reason) std::abort();
  return 0;
}
