#include "reward/detect_language.h"

// CLD2's header needs it first
#include <cstdio>

#include <cld2/public/compact_lang_det.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>

#include <algorithm>
#include <array>
#include <map>

#include "text/unicode.h"

namespace r1 {
namespace {

constexpr size_t kMostBytes = 1 << 20;

struct Written {
  const char* language;
  std::array<int, 3> scripts;
};
constexpr int kNo = USCRIPT_INVALID_CODE;
/// The first language of a script is the one taken for a text that is too short for CLD2.
constexpr Written kWritten[] = {
    {"en", {USCRIPT_LATIN, kNo, kNo}},
    {"zh", {USCRIPT_HAN, USCRIPT_BOPOMOFO, kNo}},
    {"ja", {USCRIPT_HIRAGANA, USCRIPT_KATAKANA, USCRIPT_HAN}},
    {"ko", {USCRIPT_HANGUL, USCRIPT_HAN, kNo}},
    {"ru", {USCRIPT_CYRILLIC, kNo, kNo}},
    {"uk", {USCRIPT_CYRILLIC, kNo, kNo}},
    {"bg", {USCRIPT_CYRILLIC, kNo, kNo}},
    {"ar", {USCRIPT_ARABIC, kNo, kNo}},
    {"fa", {USCRIPT_ARABIC, kNo, kNo}},
    {"ur", {USCRIPT_ARABIC, kNo, kNo}},
    {"he", {USCRIPT_HEBREW, kNo, kNo}},
    {"el", {USCRIPT_GREEK, kNo, kNo}},
    {"hi", {USCRIPT_DEVANAGARI, kNo, kNo}},
    {"th", {USCRIPT_THAI, kNo, kNo}},
    {"bn", {USCRIPT_BENGALI, kNo, kNo}},
    {"ta", {USCRIPT_TAMIL, kNo, kNo}},
    {"te", {USCRIPT_TELUGU, kNo, kNo}},
    {"fr", {USCRIPT_LATIN, kNo, kNo}},
    {"de", {USCRIPT_LATIN, kNo, kNo}},
    {"es", {USCRIPT_LATIN, kNo, kNo}},
    {"it", {USCRIPT_LATIN, kNo, kNo}},
    {"pt", {USCRIPT_LATIN, kNo, kNo}},
    {"nl", {USCRIPT_LATIN, kNo, kNo}},
    {"pl", {USCRIPT_LATIN, kNo, kNo}},
    {"cs", {USCRIPT_LATIN, kNo, kNo}},
    {"sv", {USCRIPT_LATIN, kNo, kNo}},
    {"da", {USCRIPT_LATIN, kNo, kNo}},
    {"fi", {USCRIPT_LATIN, kNo, kNo}},
    {"hu", {USCRIPT_LATIN, kNo, kNo}},
    {"ro", {USCRIPT_LATIN, kNo, kNo}},
    {"tr", {USCRIPT_LATIN, kNo, kNo}},
    {"vi", {USCRIPT_LATIN, kNo, kNo}},
    {"id", {USCRIPT_LATIN, kNo, kNo}},
};

const Written* find_language(const std::string& code) {
  for (const Written& written : kWritten) {
    if (code == written.language) return &written;
  }
  return nullptr;
}

/// "zh-Hant" is Chinese too; what CLD2 does not know is "".
std::string code_of(CLD2::Language language) {
  if (language == CLD2::UNKNOWN_LANGUAGE) return "";
  const std::string code = CLD2::LanguageCode(language);
  const std::string base = code.substr(0, code.find('-'));
  if (base == "un") return "";
  return base == "iw" ? "he" : base;
}

int script_of(char32_t c) {
  UErrorCode status = U_ZERO_ERROR;
  return uscript_getScript(static_cast<UChar32>(c), &status);
}

bool stands_alone(int script) {
  return script == USCRIPT_HAN || script == USCRIPT_HIRAGANA || script == USCRIPT_KATAKANA ||
         script == USCRIPT_THAI;
}

std::string language_by_script(std::string_view text) {
  std::map<int, int> letters;
  for (const ScriptWord& word : script_words(text)) letters[word.script] += word.n_letters;
  const auto most = std::max_element(letters.begin(), letters.end(),
                                     [](auto& a, auto& b) { return a.second < b.second; });
  if (most == letters.end()) return "";
  for (const Written& written : kWritten) {
    if (written.scripts[0] == most->first) return written.language;
  }
  return "";
}

}  // namespace

std::vector<LanguageSpan> language_spans(std::string_view text, const std::string& hint) {
  text = text.substr(0, kMostBytes);
  text.remove_suffix(incomplete_suffix(text));
  constexpr int kUnknownEncoding = 23;  // its name is in a header of its own
  CLD2::CLDHints hints{hint.empty() ? nullptr : hint.c_str(), nullptr, kUnknownEncoding,
                       CLD2::UNKNOWN_LANGUAGE};
  CLD2::Language best[3];
  int percent[3], n_bytes = 0;
  double scores[3];
  bool is_reliable = false;
  CLD2::ResultChunkVector chunks;
  CLD2::ExtDetectLanguageSummary(text.data(), static_cast<int>(text.size()), true, &hints, 0, best,
                                 percent, scores, &chunks, &n_bytes, &is_reliable);
  std::vector<LanguageSpan> spans;
  for (const auto& chunk : chunks) {
    const auto begin = static_cast<size_t>(std::max(0, chunk.offset));
    const size_t end = std::min(text.size(), begin + static_cast<size_t>(std::max(0, chunk.bytes)));
    spans.push_back({begin, end, code_of(static_cast<CLD2::Language>(chunk.lang1))});
  }
  return spans;
}

std::string language_of(std::string_view text) {
  std::map<std::string, size_t> n_bytes;
  for (const LanguageSpan& span : language_spans(text, ""))
    n_bytes[span.code] += span.end - span.begin;
  n_bytes.erase("");
  const std::string by_script = language_by_script(text);
  const auto most = std::max_element(n_bytes.begin(), n_bytes.end(),
                                     [](auto& a, auto& b) { return a.second < b.second; });
  return most != n_bytes.end() && is_known_language(most->first) ? most->first : by_script;
}

std::vector<ScriptWord> script_words(std::string_view text) {
  std::vector<ScriptWord> words;
  bool in_word = false;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const auto c = static_cast<UChar32>(next_code_point(text, at));
    if (u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT)) continue;
    int script = script_of(static_cast<char32_t>(c));
    const bool continues = in_word && (script == USCRIPT_INHERITED || c == '\'' || c == 0x2019);
    if (!u_isalpha(c) && !continues) {
      in_word = false;
      continue;
    }
    if (!in_word || stands_alone(script)) {
      words.push_back({begin, at, script, 1});
      in_word = !stands_alone(script);
      continue;
    }
    ScriptWord& word = words.back();
    word.end = at;
    if (!u_isalpha(c)) continue;
    ++word.n_letters;
    if (script != word.script && script != USCRIPT_INHERITED && script != USCRIPT_COMMON)
      word.script = kMixedScript;
  }
  return words;
}

bool writes_in(const std::string& language, int script) {
  const Written* written = find_language(language);
  return written && std::find(written->scripts.begin(), written->scripts.end(), script) !=
                        written->scripts.end();
}

std::string known_languages() {
  std::string names;
  for (const Written& written : kWritten)
    names += (names.empty() ? "" : ", ") + std::string(written.language);
  return names;
}

bool is_known_language(const std::string& code) { return find_language(code) != nullptr; }

}  // namespace r1
