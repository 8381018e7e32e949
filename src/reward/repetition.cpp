#include "reward/repetition.h"

#include <fmt/core.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "text/regex.h"
#include "text/unicode.h"

namespace r1 {
namespace {

constexpr size_t kLongWord = 24, kPiece = 4;

bool stands_alone(char32_t c) {
  UErrorCode status = U_ZERO_ERROR;
  switch (uscript_getScript(static_cast<UChar32>(c), &status)) {
    case USCRIPT_HAN:
    case USCRIPT_HIRAGANA:
    case USCRIPT_KATAKANA:
    case USCRIPT_THAI:
    case USCRIPT_LAO:
    case USCRIPT_KHMER:
    case USCRIPT_MYANMAR:
      return true;
    default:
      return false;
  }
}

enum class Kind : uint8_t { kSpace, kWord, kSign, kAlone };

Kind kind_of(char32_t c) {
  if (is_space(c)) return Kind::kSpace;
  if (stands_alone(c)) return Kind::kAlone;
  return is_word(c) ? Kind::kWord : Kind::kSign;
}

/// Collects the words of one stretch without white space: signs count only when nothing else is
/// there.
class Words {
 public:
  explicit Words(bool ignore_numbers) : ignore_numbers_(ignore_numbers) {}

  void add(char32_t c, Kind kind) {
    if (kind == Kind::kSign) {
      end_word();
      signs_.push_back(c);
    } else if (kind == Kind::kAlone) {
      end_word();
      put({c});
    } else {
      word_.push_back(c);
    }
  }
  void end_stretch() {
    end_word();
    if (!has_words_ || signs_.size() > kLongWord) put(signs_);
    signs_.clear();
    has_words_ = false;
  }
  std::vector<std::string> take() { return std::move(words_); }

 private:
  void end_word() {
    if (!word_.empty()) put(word_);
    word_.clear();
  }
  void put(const std::u32string& word) {
    if (word.empty()) return;
    has_words_ = true;
    const size_t step = word.size() > kLongWord ? kPiece : word.size();
    for (size_t at = 0; at < word.size(); at += step) {
      const std::u32string_view piece = std::u32string_view(word).substr(at, step);
      std::string text;
      if (ignore_numbers_ && std::all_of(piece.begin(), piece.end(), is_number)) {
        text += '0';
      } else {
        for (char32_t c : piece) append_code_point(text, c);
      }
      words_.push_back(std::move(text));
    }
  }

  bool ignore_numbers_, has_words_ = false;
  std::u32string word_, signs_;
  std::vector<std::string> words_;
};

class Repetition : public Reward {
 public:
  Repetition(RepetitionOptions options, bool strict) : options_(options) {
    options_.ignore_numbers = options_.ignore_numbers || strict;
  }
  bool can_judge(const Problem&) const override { return true; }

  Verdict score(const Problem&, const Completion& completion) const override {
    const auto words = repetition_words(completion.text, options_.ignore_numbers);
    const size_t n = static_cast<size_t>(options_.ngram_size);
    if (words.size() < n) return {0, "too short to repeat itself", true};
    const size_t all = words.size() - n + 1, different = count_different(words, n);
    const double share = 1.0 - static_cast<double>(different) / static_cast<double>(all);
    return {share * options_.max_penalty,
            fmt::format("{} of {} groups of {} words are new", different, all, n), true};
  }

 private:
  /// Sorts the places of the n-grams; no hash, so no chance.
  static size_t count_different(const std::vector<std::string>& words, size_t n) {
    std::map<std::string_view, int> ids;
    std::vector<int> text;
    for (const std::string& word : words)
      text.push_back(ids.emplace(word, static_cast<int>(ids.size())).first->second);
    std::vector<size_t> places(words.size() - n + 1);
    std::iota(places.begin(), places.end(), size_t{0});
    const auto gram = [&](size_t at) { return text.begin() + static_cast<int64_t>(at); };
    const auto length = static_cast<int64_t>(n);
    std::sort(places.begin(), places.end(), [&](size_t a, size_t b) {
      return std::lexicographical_compare(gram(a), gram(a) + length, gram(b), gram(b) + length);
    });
    const auto end = std::unique(places.begin(), places.end(), [&](size_t a, size_t b) {
      return std::equal(gram(a), gram(a) + length, gram(b));
    });
    return static_cast<size_t>(end - places.begin());
  }

  RepetitionOptions options_;
};

}  // namespace

std::vector<std::string> repetition_words(std::string_view bytes, bool ignore_numbers) {
  std::string text = to_utf8(bytes);
  to_normal_form(text, NormalForm::kNfkc);
  text = to_lower(text);
  Words words(ignore_numbers);
  for (size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    if (u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_DEFAULT_IGNORABLE_CODE_POINT)) continue;
    const Kind kind = kind_of(c);
    if (kind == Kind::kSpace) {
      words.end_stretch();
    } else {
      words.add(c, kind);
    }
  }
  words.end_stretch();
  return words.take();
}

Result<std::unique_ptr<const Reward>> make_repetition(const RewardSettings& settings) {
  R1_TRY(const RepetitionOptions options, read_options<RepetitionOptions>(settings));
  if (options.ngram_size < 1)
    return fail("reward repetition: ngram_size is {}; it must be at least 1", options.ngram_size);
  if (!(options.max_penalty <= 0) || !std::isfinite(options.max_penalty))
    return fail("reward repetition: max_penalty is {}; it must be 0 or less", options.max_penalty);
  return std::make_unique<Repetition>(options, settings.common.strict);
}

Verdict reasoning_steps(const Problem&, const Completion& completion,
                        const RewardOptions& options) {
  static const Regex marks =
      Regex::compile(R"((?m)Step \d+:|^\d+\.|\n-|\n\*|First,|Second,|Next,|Finally,)").value();
  RegexScratch scratch;
  const std::string text = to_utf8(completion.text);
  std::vector<TextSpan> found;
  TextSpan span;
  for (size_t at = 0; marks.next(text, at, span, scratch); at = span.end) found.push_back(span);
  std::set<std::vector<std::string>> seen;
  int n = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    const size_t begin = found[i].end,
                 end = i + 1 < found.size() ? found[i + 1].begin : text.size();
    const auto words = repetition_words(std::string_view(text).substr(begin, end - begin), true);
    const std::set<std::string> different(words.begin(), words.end());
    if (options.strict && (different.size() < 4 || !seen.insert(words).second)) continue;
    ++n;
  }
  return {std::min(1.0, n / 3.0), fmt::format("{} steps", n), true};
}

}  // namespace r1
