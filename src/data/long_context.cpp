#include "data/long_context.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "base/random.h"
#include "data/last_digit.h"
#include "data/last_digit_words.h"

namespace r1 {
namespace {

constexpr std::array<std::string_view, 16> kSentences = {
    "The ferry leaves the harbour twice a day, except in winter.",
    "Nobody remembered who had planted the old pear tree.",
    "Bread rises more slowly in a cold kitchen.",
    "The library closes early on Fridays.",
    "A narrow path follows the river as far as the mill.",
    "She kept her maps in a drawer that no longer shut.",
    "The rain had stopped before the first guests arrived.",
    "Most of the letters were never answered.",
    "In spring the meadows are flooded for a week or two.",
    "The clock in the hall has always been slow.",
    "They painted the boat green, as it had been before.",
    "Snow covered the tracks within an hour.",
    "The recipe asks for more patience than skill.",
    "From the tower one can see both valleys.",
    "He whistled the same tune every morning.",
    "The market moves indoors when the wind turns north."};
constexpr std::array<std::string_view, 26> kCities = {
    "Oslo",   "Lisbon", "Kyoto",   "Quito",   "Dakar",  "Riga",  "Perth", "Turin", "Lima",
    "Bergen", "Cairo",  "Hanoi",   "Austin",  "Geneva", "Porto", "Accra", "Seoul", "Delhi",
    "Zagreb", "Malmo",  "Nairobi", "Toronto", "Havana", "Sofia", "Minsk", "Tunis"};
constexpr std::string_view kPreface =
    "A special magic number is hidden in the following text. Remember it; you will be asked for it "
    "afterwards.\n\n";

Rng rng_of(const LongRequest& r, uint64_t kind, uint64_t part) {
  return Rng(r.seed,
             stream_key({static_cast<uint64_t>(Purpose::kNeedle), kind, part,
                         static_cast<uint64_t>(r.style), r.is_test, static_cast<uint64_t>(r.length),
                         static_cast<uint64_t>(std::llround(r.depth * 1e6)),
                         static_cast<uint64_t>(r.index)}));
}

/// The largest n of 0 … most at which fits(n), which holds below it and nowhere above; -1: none.
int64_t largest(int64_t most, const std::function<bool(int64_t)>& fits) {
  int64_t low = -1, high = most;
  while (low < high) {
    const int64_t middle = low + (high - low + 1) / 2;
    if (fits(middle)) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

std::string id_of(const char* kind, const LongRequest& r) {
  return fmt::format("{}/{}/{}/{}/{:.3g}/{}", kind, r.is_test ? "test" : "train", r.seed, r.length,
                     r.depth, r.index);
}

/// A key, its value, and a fixed place among the hay.
struct Needle {
  int key = 0;
  int64_t value = 0;
  double depth = 0;
};

/// The one that is asked for comes first.
std::vector<Needle> draw_needles(const LongRequest& r) {
  Rng rng = rng_of(r, 0, 0);
  std::array<int, 26> keys;
  for (int i = 0; i < 26; ++i) keys[static_cast<size_t>(i)] = i;
  std::vector<Needle> needles;
  for (int64_t i = 0; i < r.n_keys; ++i) {
    std::swap(keys[static_cast<size_t>(i)], keys[static_cast<size_t>(rng.between(i, 25))]);
    const int64_t value =
        r.style == LongStyle::kWords ? rng.between(0, 9) : rng.between(10000, 99999);
    needles.push_back({keys[static_cast<size_t>(i)], value, i == 0 ? r.depth : rng.uniform()});
  }
  return needles;
}

std::string write_needle(LongStyle style, const Needle& needle) {
  if (style == LongStyle::kWords)
    return fmt::format("{} = {}", static_cast<char>('a' + needle.key), needle.value);
  return fmt::format("The special magic number for {} is {}.",
                     kCities[static_cast<size_t>(needle.key)], needle.value);
}

std::string question(LongStyle style, const Needle& needle) {
  if (style == LongStyle::kWords) return fmt::format("{} ?", static_cast<char>('a' + needle.key));
  return fmt::format(
      "\n\nWhat is the special magic number for {} in the text above? Answer with the number "
      "alone.",
      kCities[static_cast<size_t>(needle.key)]);
}

/// Hay is drawn unit by unit, so that more of it begins as less of it does.
std::vector<std::string_view> draw_hay(const LongRequest& r, int64_t n) {
  Rng rng = rng_of(r, 0, 1);
  std::vector<std::string_view> hay;
  for (int64_t i = 0; i < n; ++i) {
    if (r.style == LongStyle::kEnglish) {
      hay.push_back(kSentences[static_cast<size_t>(rng.below(kSentences.size()))]);
      continue;
    }
    const auto& words = rng.below(2) == 0 ? kEnglishWords : kFrenchWords;
    hay.push_back(words[static_cast<size_t>(rng.below(std::ssize(words)))]);
  }
  return hay;
}

std::string write_haystack(const LongRequest& r, const std::vector<Needle>& needles,
                           const std::vector<std::string_view>& hay, int64_t n) {
  std::vector<std::pair<int64_t, size_t>> places;  // hay before it, needle
  for (size_t i = 0; i < needles.size(); ++i)
    places.emplace_back(std::llround(needles[i].depth * static_cast<double>(n)), i);
  std::sort(places.begin(), places.end());
  std::string text(r.style == LongStyle::kEnglish ? kPreface : "");
  const size_t empty = text.size();
  const auto add = [&](std::string_view part) {
    if (text.size() > empty) text += ' ';
    text += part;
  };
  size_t next = 0;
  for (int64_t i = 0; i <= n; ++i) {
    for (; next < places.size() && places[next].first == i; ++next)
      add(write_needle(r.style, needles[places[next].second]));
    if (i < n) add(hay[static_cast<size_t>(i)]);
  }
  add(question(r.style, needles[0]));
  return text;
}

/// "c" of few lines, "a c" of many.
std::string label(int64_t line, int64_t n_lines) {
  const auto letter = [](int64_t i) { return static_cast<char>('a' + i); };
  if (n_lines <= 26) return std::string(1, letter(line));
  return {letter(line / 26), ' ', letter(line % 26)};
}

LastDigitProgram draw_program(const LongRequest& r, int64_t n_lines) {
  static constexpr std::array<int, 4> kFactors = {3, 7, 9, 7};  // each can be undone
  Rng rng = rng_of(r, 1, 0);
  LastDigitProgram program;
  program.start = static_cast<int>(rng.between(1, 9));
  program.value = program.start;
  for (int64_t i = 0; i < n_lines; ++i) {
    const char op = "++--*"[rng.below(5)];
    const int operand = op == '*' ? kFactors[static_cast<size_t>(rng.below(4))]
                                  : static_cast<int>(rng.between(1, 9));
    program.lines.push_back({op, operand});
    program.value = last_digit_of(op, program.value, operand);
  }
  return program;
}

/// The problem, and its worked answer in English 'work' style.
void write_program(const LastDigitProgram& program, LongProblem& out) {
  const int64_t n = std::ssize(program.lines);
  std::string prompt(1, static_cast<char>('0' + program.start)), trace;
  int value = program.start;
  for (int64_t i = 0; i < n; ++i) {
    const auto& line = program.lines[static_cast<size_t>(i)];
    const std::string name = label(i, n);
    const int result = last_digit_of(line.op, value, line.operand);
    prompt += fmt::format(" {} {} {}", name, line.op, line.operand);
    trace += fmt::format("{} {} {} {} ; {} {} {} = {} ", i == 0 ? "first" : "then", name, line.op,
                         line.operand, value, line.op, line.operand, result);
    value = result;
  }
  out.prompt = prompt + " ?";
  out.answer = std::to_string(program.value);
  out.completion = fmt::format("<think> {}</think> <answer> {} </answer>", trace, program.value);
  out.n_units = n;
}

Result<void> check(const LongRequest& r) {
  if (r.length < 1 || r.length > (int64_t{1} << 24))
    return fail("a length of {} tokens; it is from 1 to 16777216", r.length);
  if (!(r.depth >= 0 && r.depth <= 1)) return fail("depth {}; it is from 0 to 1", r.depth);
  if (r.n_keys < 1 || r.n_keys > 26) return fail("{} keys; there are from 1 to 26", r.n_keys);
  return {};
}

}  // namespace

int64_t count_words(std::string_view prompt, std::string_view completion) {
  const auto words = [](std::string_view text) {
    return 1 + std::count(text.begin(), text.end(), ' ');
  };
  return 3 + words(prompt) + words(completion) + 1;
}

Result<LongProblem> make_needle(const LongRequest& r, const CountTokens& count) {
  R1_RETURN_IF_ERROR(check(r));
  const std::vector<Needle> needles = draw_needles(r);
  const std::vector<std::string_view> hay = draw_hay(r, r.length);
  LongProblem out{
      id_of("needle", r), {}, std::to_string(needles[0].value), {}, r.length, r.depth, 0};
  out.completion =
      r.style == LongStyle::kWords ? fmt::format("<answer> {} </answer>", out.answer) : out.answer;
  out.n_units = largest(r.length, [&](int64_t n) {
    return count(write_haystack(r, needles, hay, n), out.completion) <= r.length;
  });
  if (out.n_units < 0) {
    return fail("{} tokens have no room for {} needles and a question, which take {}", r.length,
                r.n_keys, count(write_haystack(r, needles, hay, 0), out.completion));
  }
  out.prompt = write_haystack(r, needles, hay, out.n_units);
  return out;
}

Result<LongProblem> make_long_program(const LongRequest& r, const CountTokens& count) {
  R1_RETURN_IF_ERROR(check(r));
  if (r.style != LongStyle::kWords)
    return fail(
        "long programs are written in the built-in task's words; this tokenizer lacks them");
  constexpr int64_t kMostLines = 26 * 26;
  LongProblem out{id_of("program", r), {}, {}, {}, r.length, 0, 0};
  const auto fits = [&](int64_t n) {
    write_program(draw_program(r, n), out);
    return count(out.prompt, out.completion) <= r.length;
  };
  const int64_t n = largest(kMostLines, fits);
  if (n < 1) return fail("{} tokens have no room for a program of one line", r.length);
  write_program(draw_program(r, n), out);
  return out;
}

}  // namespace r1
