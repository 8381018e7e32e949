#include "text/unicode.h"

#include <unicode/bytestream.h>
#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <cstring>

#include "base/error.h"

namespace r1 {
namespace {

/// Length of the well-formed sequence at pos, or minus the length of the ill-formed part there.
/// An ill-formed part that reaches the end of the text might have been completed: `open` says so.
int sequence_length(std::string_view s, size_t pos, bool& open) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char lead = byte(pos);
  open = false;
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return -1;
  const int length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  unsigned low = 0x80, high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  for (int i = 1; i < length; ++i) {
    if (pos + i >= s.size()) {
      open = true;
      return -i;
    }
    if (byte(pos + i) < low || byte(pos + i) > high) return -i;
    low = 0x80;
    high = 0xBF;
  }
  return length;
}

size_t ascii_prefix(std::string_view s, size_t pos) {
  uint64_t word;
  while (pos + 8 <= s.size()) {
    std::memcpy(&word, s.data() + pos, 8);
    if (word & 0x8080808080808080u) break;
    pos += 8;
  }
  while (pos < s.size() && static_cast<unsigned char>(s[pos]) < 0x80) ++pos;
  return pos;
}

const icu::Normalizer2& normalizer(NormalForm form) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* found = nullptr;
  switch (form) {
    case NormalForm::kNfc:
      found = icu::Normalizer2::getNFCInstance(status);
      break;
    case NormalForm::kNfd:
      found = icu::Normalizer2::getNFDInstance(status);
      break;
    case NormalForm::kNfkc:
      found = icu::Normalizer2::getNFKCInstance(status);
      break;
    case NormalForm::kNfkd:
      found = icu::Normalizer2::getNFKDInstance(status);
      break;
  }
  CHECK(U_SUCCESS(status) && found, "ICU has no normalizer data: {}", u_errorName(status));
  return *found;
}

template <class Change>
std::string map_characters(std::string_view text, Change change) {
  std::string out;
  out.reserve(text.size());
  for (size_t pos = 0; pos < text.size();) {
    icu::UnicodeString one(static_cast<UChar32>(next_code_point(text, pos)));
    change(one).toUTF8String(out);
  }
  return out;
}

}  // namespace

bool is_ascii(std::string_view bytes) { return ascii_prefix(bytes, 0) == bytes.size(); }

bool is_utf8(std::string_view bytes) {
  bool open;
  for (size_t pos = ascii_prefix(bytes, 0); pos < bytes.size(); pos = ascii_prefix(bytes, pos)) {
    const int length = sequence_length(bytes, pos, open);
    if (length < 0) return false;
    pos += length;
  }
  return true;
}

std::string to_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  bool open;
  for (size_t pos = 0; pos < bytes.size();) {
    const int length = sequence_length(bytes, pos, open);
    if (length > 0) {
      out.append(bytes, pos, length);
    } else {
      out += "\xEF\xBF\xBD";
    }
    pos += std::abs(length);
  }
  return out;
}

size_t incomplete_suffix(std::string_view bytes) {
  bool open = false;
  for (size_t back = 1; back <= 3 && back <= bytes.size(); ++back) {
    const size_t pos = bytes.size() - back;
    if ((static_cast<unsigned char>(bytes[pos]) & 0xC0) == 0x80) continue;
    sequence_length(bytes, pos, open);
    return open ? back : 0;
  }
  return 0;
}

char32_t next_code_point(std::string_view text, size_t& pos) {
  const auto byte = [&](size_t i) -> char32_t {
    return i < text.size() ? static_cast<unsigned char>(text[i]) & 0x3F : 0;
  };
  const auto lead = static_cast<unsigned char>(text[pos]);
  if (lead < 0x80) return ++pos, lead;
  const size_t at = pos;
  if (lead < 0xE0) return pos += 2, (lead & 0x1F) << 6 | byte(at + 1);
  if (lead < 0xF0) return pos += 3, (lead & 0x0F) << 12 | byte(at + 1) << 6 | byte(at + 2);
  pos += 4;
  return (lead & 0x07) << 18 | byte(at + 1) << 12 | byte(at + 2) << 6 | byte(at + 3);
}

char32_t previous_code_point(std::string_view text, size_t& pos) {
  --pos;
  while (pos > 0 && (static_cast<unsigned char>(text[pos]) & 0xC0) == 0x80) --pos;
  size_t at = pos;
  return next_code_point(text, at);
}

void append_code_point(std::string& text, char32_t c) {
  if (c < 0x80) {
    text += static_cast<char>(c);
    return;
  }
  if (c < 0x800) {
    text += static_cast<char>(0xC0 | c >> 6);
  } else {
    if (c < 0x10000) {
      text += static_cast<char>(0xE0 | c >> 12);
    } else {
      text += static_cast<char>(0xF0 | c >> 18);
      text += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    }
    text += static_cast<char>(0x80 | (c >> 6 & 0x3F));
  }
  text += static_cast<char>(0x80 | (c & 0x3F));
}

size_t count_code_points(std::string_view text) {
  size_t n = 0;
  for (char c : text) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return n;
}

void to_normal_form(std::string& text, NormalForm form) {
  if (is_ascii(text)) return;
  const icu::Normalizer2& wanted = normalizer(form);
  UErrorCode status = U_ZERO_ERROR;
  if (wanted.isNormalizedUTF8(text, status) && U_SUCCESS(status)) return;
  status = U_ZERO_ERROR;
  std::string out;
  icu::StringByteSink<std::string> sink(&out, static_cast<int32_t>(text.size()));
  wanted.normalizeUTF8(0, text, sink, nullptr, status);
  CHECK(U_SUCCESS(status), "ICU could not normalize {} bytes: {}", text.size(),
        u_errorName(status));
  text = std::move(out);
}

std::string to_lower(std::string_view text) {
  return map_characters(text, [](icu::UnicodeString& s) -> icu::UnicodeString& {
    return s.toLower(icu::Locale::getRoot());
  });
}

std::string to_upper(std::string_view text) {
  return map_characters(text, [](icu::UnicodeString& s) -> icu::UnicodeString& {
    return s.toUpper(icu::Locale::getRoot());
  });
}

bool is_space(char32_t c) { return u_isUWhiteSpace(static_cast<UChar32>(c)); }

bool is_word(char32_t c) {
  const auto point = static_cast<UChar32>(c);
  return u_isUAlphabetic(point) ||
         (U_GET_GC_MASK(point) & (U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK)) ||
         u_hasBinaryProperty(point, UCHAR_JOIN_CONTROL);
}

bool is_punctuation(char32_t c) {
  if (c < 0x80)
    return c > 32 && c < 127 && !((c | 32) >= 'a' && (c | 32) <= 'z') && !(c >= '0' && c <= '9');
  return U_GET_GC_MASK(static_cast<UChar32>(c)) & U_GC_P_MASK;
}

bool is_number(char32_t c) { return U_GET_GC_MASK(static_cast<UChar32>(c)) & U_GC_N_MASK; }

}  // namespace r1
