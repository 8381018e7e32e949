// Fuzzes tokenizer.json; what stands behind the first zero byte is the text to encode.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "text/stream.h"
#include "text/tokenizer.h"
#include "text/unicode.h"

using namespace r1;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = input.find('\0');
  const std::string_view text = end == input.npos ? input : input.substr(end + 1);
  const auto tokenizer = Tokenizer::from_json(input.substr(0, end), "tokenizer.json");
  if (!tokenizer) return 0;
  for (const bool parse_special : {true, false}) {
    const auto ids = tokenizer->encode(text, {.add_special = true, .parse_special = parse_special});
    const std::string whole = tokenizer->decode(ids, !parse_special);
    if (!is_utf8(whole)) std::abort();
    TokenStream stream(*tokenizer, {}, !parse_special);
    std::string streamed;
    for (const int32_t id : ids) {
      const std::string part = stream.push(id);
      if (!is_utf8(part)) std::abort();  // half a character was shown
      streamed += part;
    }
    if (streamed + stream.finish() != whole) std::abort();
  }
  return 0;
}
