#include "data/math_trace.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "data/math_words.h"

namespace r1 {
namespace {

constexpr double kLate = 0.25;   // of the slips that can be: noticed one step later
constexpr double kCheck = 0.35;  // of a careful thought's right steps

/// A wrong number near the right one: one or two off, ten off, two digits swapped.
Rational slip(const Rational& right, Rng& rng) {
  const auto whole = right.to_int64();
  const int64_t kind = rng.below(5);
  if (whole && kind == 4) {
    std::string digits = std::to_string(*whole);
    const size_t n = digits.size();
    if (n >= 2 && digits[n - 1] != digits[n - 2] && digits[n - 2] != '-') {
      std::swap(digits[n - 1], digits[n - 2]);
      if (digits[0] != '0') return Rational(std::stoll(digits));
    }
  }
  static constexpr int64_t kOff[] = {1, -1, 2, 10, -2};
  return add(right, Rational(kOff[kind])).value();
}

char opposite(char op) {
  switch (op) {
    case '+':
      return '-';
    case '-':
      return '+';
    case '*':
      return '/';
    case '/':
      return '*';
    default:
      return 0;
  }
}

class Writer {
 public:
  Writer(const MathTree& tree, const std::vector<std::string>& work,
         const MathTraceOptions& options, Rng& rng)
      : tree_(tree),
        work_(work),
        options_(options),
        words_(math_words(options.language)),
        rng_(rng),
        steps_(steps_of(tree, tree.root())),
        known_(tree.nodes.size()) {}

  MathTrace write() {
    line(work_.empty() ? fill(words_.intro, {{'e', write_tree(tree_, tree_.root())}})
                       : std::string(draw_phrase(words_.think, rng_)));
    for (size_t i = 0; i < steps_.size(); ++i) write_step(i);
    line(fill(words_.close, {{'v', tree_.value().text()}}));
    trace_.n_steps = static_cast<int>(steps_.size());
    const auto& last = known_[static_cast<size_t>(tree_.root())];
    CHECK(steps_.empty() || (last && *last == tree_.value()), "a thought ends with a wrong number");
    return std::move(trace_);
  }

 private:
  using Places = std::initializer_list<std::pair<char, std::string>>;
  struct Mistake {
    int node;
    Rational wrong;
  };

  const MathTree::Node& node(int at) const { return tree_.nodes[static_cast<size_t>(at)]; }
  const Rational& value(int at) const {
    const auto& known = known_[static_cast<size_t>(at)];
    return known ? *known : node(at).value;
  }
  std::optional<Rational> result(int at) const {
    return apply_operation(node(at).op, value(node(at).left), value(node(at).right));
  }
  std::string calculation(int at, const Rational& said) const {
    return write_operation(node(at).op, value(node(at).left), value(node(at).right)) + " = " +
           said.text();
  }
  std::string fill(const Phrasings& phrasings, Places places) {
    return fill_phrase(draw_phrase(phrasings, rng_), places);
  }
  void line(const std::string& text) {
    if (!trace_.text.empty()) trace_.text += '\n';
    trace_.text += text;
  }
  void same_line(const std::string& text) { trace_.text += ' ' + text; }

  std::string sentence(size_t i, const std::string& calculation) {
    const auto at = static_cast<size_t>(steps_[i]);
    if (at < work_.size() && !work_[at].empty())
      return capitalized(fill_phrase(work_[at], {{'l', calculation}})) + ".";
    const Phrasings& opening = i == 0                   ? words_.first
                               : i + 1 == steps_.size() ? words_.last
                                                        : words_.next;
    return fill(opening, {{'l', calculation}});
  }

  void write_step(size_t i) {
    const int at = steps_[i];
    const Rational right = result(at).value();
    const bool slips = !mistake_ && rng_.uniform() < options_.slip_rate;
    const Rational said = slips ? slip(right, rng_) : right;
    line(sentence(i, calculation(at, said)));
    known_[static_cast<size_t>(at)] = right;
    if (slips) {
      ++trace_.n_slips;
      if (goes_on_with(i, said)) {
        known_[static_cast<size_t>(at)] = said;
        mistake_ = Mistake{at, said};
        return;
      }
      same_line(fill(words_.wait, {{'l', calculation(at, right)}, {'w', said.text()}}));
    } else if (mistake_) {
      mend(at);
    } else if (options_.style == MathStyle::kCareful && rng_.uniform() < kCheck) {
      check(at);
    }
    if (options_.style == MathStyle::kRewrite && work_.empty() && i + 1 < steps_.size())
      same_line(fill(words_.leaves, {{'x', write_tree(tree_, tree_.root(), known_)}}));
  }

  /// Whether the next step takes the wrong number and is as simple with it.
  bool goes_on_with(size_t i, const Rational& wrong) {
    if (i + 1 == steps_.size() || rng_.uniform() >= kLate) return false;
    const MathTree::Node& next = node(steps_[i + 1]);
    if (next.left != steps_[i] && next.right != steps_[i]) return false;
    const Rational& left = next.left == steps_[i] ? wrong : value(next.left);
    const Rational& right = next.right == steps_[i] ? wrong : value(next.right);
    const auto then = next.op == '^' ? std::nullopt : apply_operation(next.op, left, right);
    return then && (then->is_integer() || !next.value.is_integer());
  }

  /// The step before was wrong, and this one took its number.
  void mend(int at) {
    const Mistake mistake = *mistake_;
    mistake_.reset();
    const Rational right = result(mistake.node).value();
    line(fill(words_.late, {{'l', calculation(mistake.node, right)}, {'w', mistake.wrong.text()}}));
    known_[static_cast<size_t>(mistake.node)] = right;
    const Rational again = result(at).value();
    same_line(fill(words_.again, {{'l', calculation(at, again)}}));
    known_[static_cast<size_t>(at)] = again;
  }

  void check(int at) {
    const char op = opposite(node(at).op);
    if (op == 0) return;
    const Rational &total = value(at), &part = value(node(at).right);
    const auto back = apply_operation(op, total, part);
    if (!back) return;
    CHECK(*back == value(node(at).left), "a check by the opposite operation fails");
    same_line(fill(words_.check, {{'l', write_operation(op, total, part) + " = " + back->text()}}));
  }

  const MathTree& tree_;
  const std::vector<std::string>& work_;
  const MathTraceOptions& options_;
  const MathWords& words_;
  Rng& rng_;
  std::vector<int> steps_;
  std::vector<std::optional<Rational>> known_;
  std::optional<Mistake> mistake_;
  MathTrace trace_;
};

}  // namespace

MathTrace write_math_trace(const MathTree& tree, const std::vector<std::string>& work,
                           const MathTraceOptions& options, Rng& rng) {
  return Writer(tree, work, options, rng).write();
}

}  // namespace r1
