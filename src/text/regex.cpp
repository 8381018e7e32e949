#define PCRE2_CODE_UNIT_WIDTH 8
#include "text/regex.h"

#include <pcre2.h>

#include "text/unicode.h"

namespace r1 {

RegexScratch::RegexScratch()
    : match_(pcre2_match_data_create(1, nullptr)),
      context_(pcre2_match_context_create(nullptr)),
      stack_(pcre2_jit_stack_create(32 << 10, 4 << 20, nullptr)) {
  if (!match_ || !context_ || !stack_) throw DeviceError("out of memory for a regex stack");
  pcre2_jit_stack_assign(context_, nullptr, stack_);
}

RegexScratch::~RegexScratch() {
  pcre2_match_data_free(match_);
  pcre2_match_context_free(context_);
  pcre2_jit_stack_free(stack_);
}

void Regex::Free::operator()(pcre2_real_code_8* code) const { pcre2_code_free(code); }

Result<Regex> Regex::compile(const std::string& pattern) {
  int error = 0;
  size_t offset = 0;
  Regex regex;
  regex.code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                  PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &offset,
                                  nullptr));
  if (!regex.code_) {
    char reason[256] = "";
    pcre2_get_error_message(error, reinterpret_cast<PCRE2_UCHAR*>(reason), sizeof reason);
    return fail("regex: {} at byte {} of {}", reason, offset, pattern);
  }
  regex.is_jit_ = pcre2_jit_compile(regex.code_.get(), PCRE2_JIT_COMPLETE) == 0;
  return regex;
}

Result<Regex> Regex::compile_literal(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    const bool is_meta = static_cast<unsigned char>(c) < 0x80 && is_punctuation(c);
    if (is_meta) escaped += '\\';
    escaped += c;
  }
  return compile(escaped);
}

bool Regex::next(std::string_view text, size_t from, TextSpan& match, RegexScratch& scratch) const {
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  while (from < text.size()) {
    int found = PCRE2_ERROR_JIT_STACKLIMIT;
    if (is_jit_) {
      found = pcre2_jit_match(code_.get(), subject, text.size(), from, PCRE2_NO_UTF_CHECK,
                              scratch.match_, scratch.context_);
    }
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) {
      found = pcre2_match(code_.get(), subject, text.size(), from,
                          PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, scratch.match_, scratch.context_);
    }
    if (found < 0) return false;
    const size_t* range = pcre2_get_ovector_pointer(scratch.match_);
    match = {range[0], range[1]};
    if (match.begin < match.end) return true;
    // An empty match (or one turned round by \K) splits nothing: look on behind it.
    from = std::max(from, match.begin);
    if (from < text.size()) next_code_point(text, from);
  }
  return false;
}

}  // namespace r1
