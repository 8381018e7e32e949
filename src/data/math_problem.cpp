#include "data/math_problem.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/random.h"
#include "data/last_digit.h"
#include "data/math_story.h"
#include "data/math_words.h"

namespace r1 {
namespace {

constexpr std::array<const char*, 3> kStyles = {"work", "rewrite", "careful"};
constexpr std::array<const char*, 3> kFormats = {"r1", "zero", "open_r1"};

struct Level {
  int64_t least_steps, most_steps, largest;
  bool brackets, division, negatives, powers, fractions;
};
constexpr std::array<Level, kMathLevels> kLevels = {{
    {1, 1, 20, false, false, false, false, false},
    {2, 2, 20, false, false, false, false, false},
    {3, 3, 15, true, true, false, false, false},
    {4, 5, 40, true, true, true, true, false},
    {5, 6, 20, true, true, true, true, true},
}};

/// Grows a random tree; -1 where the level forbids what came out.
class Grower {
 public:
  Grower(const Level& level, Rng& rng) : level_(level), rng_(rng) {}

  int grow(int64_t n_steps) {
    if (n_steps == 0) return leaf();
    if (n_steps == 1 && level_.powers && rng_.uniform() < 0.15)
      return step('^', tree.number(rng_.between(2, 9)), tree.number(2));
    const char op = level_.division && rng_.uniform() < 0.15 ? '/' : "++--**+-"[rng_.below(8)];
    const int64_t n_left = op == '/' ? n_steps - 1 : rng_.below(n_steps);
    const int left = grow(n_left);
    const int right = left < 0 ? -1 : grow(n_steps - 1 - n_left);
    return right < 0 ? -1 : step(op, left, right);
  }

  MathTree tree;

 private:
  int leaf() {
    if (level_.fractions && rng_.uniform() < 0.3) {
      const int64_t parts = rng_.between(2, 6);
      return tree.number(Rational(rng_.between(1, parts - 1), parts));
    }
    return tree.number(rng_.between(2, rng_.uniform() < 0.5 ? 9 : level_.largest));
  }
  int step(char op, int left, int right) {
    const int at = tree.apply(op, left, right);
    return at >= 0 && allows(tree.nodes[static_cast<size_t>(at)].value) ? at : -1;
  }
  bool allows(const Rational& value) const {
    if (value.is_zero() || (value.sign() < 0 && !level_.negatives)) return false;
    if (!value.is_integer() && !level_.fractions) return false;
    return value.bits() <= (value.is_integer() ? 13 : 15);
  }

  const Level& level_;
  Rng& rng_;
};

template <class T>
const T& draw_one(const std::vector<T>& list, Rng& rng) {
  return list[static_cast<size_t>(rng.below(static_cast<int64_t>(list.size())))];
}

/// "r1/zero": the thought and the answer in their format.
std::string in_format(const std::string& format, const std::string& thought,
                      const std::string& said, const std::string& answer) {
  if (format == "zero") return "<think> " + thought + " </think> <answer> " + answer + " </answer>";
  if (format == "open_r1")
    return "<think>\n" + thought + "\n</think>\n<answer>\n" + answer + "\n</answer>";
  return "<think>\n" + thought + "\n</think>\n\n" + said;
}

Result<void> check_names(const char* what, const std::vector<std::string>& names,
                         std::vector<std::string> known) {
  if (names.empty()) return fail("{} is empty; known: {}", what, fmt::join(known, ", "));
  for (const std::string& name : names) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      return fail("{} is '{}'; known: {}", what, name, fmt::join(known, ", "));
  }
  return {};
}

}  // namespace

Result<void> MathConfig::validate() const {
  if (levels.empty()) return fail("levels is empty; there are 1 to {}", kMathLevels);
  for (const double level : levels) {
    if (!(level >= 1 && level <= kMathLevels) || level != std::floor(level))
      return fail("level {}; there are 1 to {}", level, kMathLevels);
  }
  if (!(slip_rate >= 0 && slip_rate <= 1)) return fail("slip_rate {}; it is 0 to 1", slip_rate);
  R1_RETURN_IF_ERROR(check_names("kind", kind, {"expression", "story"}));
  R1_RETURN_IF_ERROR(check_names("language", language, math_languages()));
  R1_RETURN_IF_ERROR(check_names("style", style, {kStyles.begin(), kStyles.end()}));
  R1_RETURN_IF_ERROR(check_names("format", {format}, {kFormats.begin(), kFormats.end()}));
  return check_names("split", {split}, {"train", "test"});
}

MathTree draw_expression(int level, Rng& rng) {
  const Level& rules = kLevels.at(static_cast<size_t>(level - 1));
  while (true) {
    Grower grower(rules, rng);
    const int root = grower.grow(rng.between(rules.least_steps, rules.most_steps));
    if (root < 0) continue;
    if (rules.brackets || write_tree(grower.tree, root).find('(') == std::string::npos)
      return std::move(grower.tree);
  }
}

MathProblem make_math_problem(const MathConfig& config, int64_t index) {
  constexpr uint64_t kMath = 0x6d617468;  // apart from the built-in task's problems
  const bool test = config.split == "test";
  Rng rng(config.seed, stream_key({static_cast<uint64_t>(Purpose::kProblem), kMath, test,
                                   static_cast<uint64_t>(index)}));
  MathProblem out;
  out.id = fmt::format("math/{}/{}/{}", config.split, config.seed, index);
  out.level = static_cast<int>(draw_one(config.levels, rng));
  out.kind = draw_one(config.kind, rng);
  out.language = draw_one(config.language, rng);
  out.style = draw_one(config.style, rng);
  MathStory story;
  do {
    if (out.kind == "story") {
      story = draw_story(out.level, out.language, rng);
    } else {
      story.tree = draw_expression(out.level, rng);
    }
  } while (is_test(write_tree(story.tree, story.tree.root())) != test);
  const MathWords& words = math_words(out.language);
  const std::string expression = write_tree(story.tree, story.tree.root());
  out.question = out.kind == "story"
                     ? story.question
                     : fill_phrase(draw_phrase(words.ask, rng), {{'e', expression}});
  const auto style = std::find(kStyles.begin(), kStyles.end(), out.style) - kStyles.begin();
  out.trace = write_math_trace(
      story.tree, story.work, {static_cast<MathStyle>(style), out.language, config.slip_rate}, rng);
  out.answer = story.tree.value().text();
  out.thought = out.trace.text;
  const std::string said =
      fill_phrase(draw_phrase(words.answer, rng), {{'v', "\\boxed{" + out.answer + "}"}});
  out.completion = in_format(config.format, out.thought, said, out.answer);
  out.tree = std::move(story.tree);
  return out;
}

}  // namespace r1
