#include "math/equal.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "math/comparer.h"
#include "math/intervals.h"
#include "math/polynomial.h"
#include "math/units.h"

namespace r1 {
namespace {

bool is_collection(Op op) { return op == Op::kList || op == Op::kSet || op == Op::kTuple; }
bool is_set_formula(Op op) {
  return op == Op::kUnion || op == Op::kIntersection || op == Op::kDifference;
}
bool is_relation(Op op) { return op == Op::kRelation || op == Op::kChain; }

bool says_nothing_exists(const std::string& words) {
  return words == "no solution" || words == "no solutions" || words == "none" ||
         words == "empty set" || words == "no real solution" || words == "no real solutions" ||
         words == "the empty set" || words == "does not exist";
}

}  // namespace

bool Comparer::because(bool equal, std::string_view reason) {
  reason_ = reason;
  return equal;
}

bool Comparer::equal(int a, int b) {
  if (!budget_.spend(20)) return because(false, "too dear to compare");
  if (++depth_ > 60) return because(false, "nested too deep");
  const bool is_cheap = e_.is_number(a) || e_.is_number(b);
  const bool may_look = is_cheap || budget_.spend(static_cast<int64_t>(e_.text_of(a).size()) / 8);
  const bool is_same = may_look && e_.same(a, b);
  const bool result = is_same ? because(true, "same form") : compare(a, b);
  --depth_;
  return budget_.is_spent() && !result ? because(false, "too dear to compare") : result;
}

bool Comparer::compare(int a, int b) {
  const Op left = e_[a].op, right = e_[b].op;
  if (left == Op::kText || right == Op::kText) return texts(a, b);
  if (is_relation(left) || is_relation(right)) return relations(a, b);
  if (is_set_formula(left) || is_set_formula(right)) return intervals(a, b);
  if (is_collection(left) || is_collection(right)) return collections(a, b);
  if (left == Op::kMatrix || right == Op::kMatrix) return matrices(a, b);
  if (left == Op::kRatio || right == Op::kRatio) return ratios(a, b);
  return scalars(a, b);
}

bool Comparer::texts(int a, int b) {
  if (e_[a].op != Op::kText) std::swap(a, b);
  const std::string words = e_[a].name;
  const Node& other = e_[b];
  if (other.op == Op::kText) {
    const bool both_none = says_nothing_exists(words) && says_nothing_exists(other.name);
    return because(words == other.name || both_none, "compared as words");
  }
  if (other.op == Op::kSet && other.args.empty()) {
    return because(says_nothing_exists(words), "the empty set, in words");
  }
  if (words == "all real numbers" || words == "real numbers") return intervals(a, b);
  if (other.op == Op::kQuantity) return equal(a, e_[b].args[0]);
  std::string letters;
  for (char c : words) letters += c == ' ' ? "" : std::string(1, c);
  std::string spelled;  // o*d*d; factors in any order, so the letters are sorted
  for (char c : lower_case(e_.text_of(b))) {
    if (c != '*') spelled += c;
  }
  if (other.op == Op::kProduct || other.op == Op::kSymbol || other.op == Op::kConstant) {
    std::sort(letters.begin(), letters.end());
    std::sort(spelled.begin(), spelled.end());
    return because(letters == spelled, "compared letter by letter");
  }
  return because(false, "words against a formula");
}

bool Comparer::intervals(int a, int b) {
  const auto left = to_intervals(e_, a, budget_), right = to_intervals(e_, b, budget_);
  if (left && right) {
    return because(same_intervals(e_, *left, *right, budget_), "compared as sets of intervals");
  }
  if (e_[a].op != e_[b].op || !is_set_formula(e_[a].op))
    return because(false, "another kind of set");
  return e_[a].op == Op::kDifference ? in_order(e_[a].args, e_[b].args)
                                     : in_any_order(e_[a].args, e_[b].args);
}

bool Comparer::collections(int a, int b) {
  if (!is_collection(e_[a].op)) std::swap(a, b);
  const Node left = e_[a], right = e_[b];
  if (!is_collection(right.op)) {  // one value against several
    if (left.op == Op::kTuple) return because(false, "one value against a tuple");
    return in_any_order(left.args, {b});
  }
  const auto is_relations = [&](const Node& node) {
    return std::any_of(node.args.begin(), node.args.end(),
                       [&](int arg) { return is_relation(e_[arg].op) && e_[arg].name != "="; });
  };
  const auto is_pure_interval = [](const Node& node) {
    return node.op == Op::kTuple && (node.name == "[)" || node.name == "(]");
  };
  if (left.op == Op::kTuple && right.op == Op::kTuple) {
    if (left.name != right.name) return because(false, "other brackets");
    return in_order(left.args, right.args);
  }
  const Node& tuple = left.op == Op::kTuple ? left : right;
  const Node& other = left.op == Op::kTuple ? right : left;
  if (tuple.op == Op::kTuple) {
    if (is_relations(other) || is_pure_interval(tuple)) return intervals(a, b);
    if (other.op == Op::kList && tuple.name == "()") return in_order(left.args, right.args);
    return because(false, "a tuple against a set");
  }
  if (is_relations(left) != is_relations(right)) return intervals(a, b);
  const bool both_lists = left.op == Op::kList && right.op == Op::kList;
  if (both_lists && options_.ordered_lists) return in_order(left.args, right.args);
  return in_any_order(left.args, right.args);
}

bool Comparer::in_order(const std::vector<int>& a, const std::vector<int>& b) {
  if (a.size() != b.size()) return because(false, "not as many parts");
  for (size_t i = 0; i < a.size(); ++i) {
    if (!equal(a[i], b[i])) return false;
  }
  return because(true, "equal part by part");
}

/// As sets: each has its equal on the other side. Equal texts are matched first, cheaply.
bool Comparer::in_any_order(const std::vector<int>& a, const std::vector<int>& b) {
  using Part = std::pair<std::string, int>;
  const auto distinct = [&](const std::vector<int>& ids) {
    std::vector<Part> parts;
    for (int id : ids) {
      if (budget_.spend(5)) parts.emplace_back(e_.text_of(id), id);
    }
    std::sort(parts.begin(), parts.end());
    const auto same = [](const Part& x, const Part& y) { return x.first == y.first; };
    parts.erase(std::unique(parts.begin(), parts.end(), same), parts.end());
    return parts;
  };
  const std::vector<Part> left = distinct(a), right = distinct(b);
  if (budget_.is_spent()) return because(false, "too dear to compare");
  const auto covered = [&](const std::vector<Part>& from, const std::vector<Part>& by) {
    return std::all_of(from.begin(), from.end(), [&](const Part& part) {
      const auto at = std::lower_bound(by.begin(), by.end(), Part{part.first, -1});
      if (at != by.end() && at->first == part.first) return true;
      return std::any_of(by.begin(), by.end(),
                         [&](const Part& other) { return equal(part.second, other.second); });
    });
  };
  const bool is_same = left.empty() == right.empty() && !right.empty() && covered(left, right) &&
                       covered(right, left);
  return because(is_same, is_same ? "the same members" : "a member without its equal");
}

/// A product of two matrices, or of a number and a matrix, as one matrix.
int Comparer::multiplied(int id) {
  const Node node = e_[id];
  if (node.op != Op::kProduct || node.args.size() != 2) return id;
  Node left = e_[node.args[0]];
  const Node right = e_[node.args[1]];
  if (left.op != Op::kMatrix && right.op == Op::kMatrix) {
    Node scaled = right;
    for (int& arg : scaled.args) arg = e_.product(node.args[0], arg);
    return e_.add(std::move(scaled));
  }
  const size_t inner = static_cast<size_t>(left.columns);
  const bool fits = left.op == Op::kMatrix && right.op == Op::kMatrix && left.args.size() <= 36 &&
                    right.args.size() == inner * static_cast<size_t>(right.columns);
  if (!fits) return id;
  Node result{.op = Op::kMatrix, .columns = right.columns};
  for (size_t row = 0; row < left.args.size() / inner; ++row) {
    for (size_t column = 0; column < static_cast<size_t>(right.columns); ++column) {
      int total = e_.number(Rational(0));
      for (size_t k = 0; k < inner; ++k) {
        const int cell = right.args[k * static_cast<size_t>(right.columns) + column];
        total = e_.sum(total, e_.product(left.args[row * inner + k], cell));
      }
      result.args.push_back(total);
    }
  }
  return e_.add(std::move(result));
}

bool Comparer::matrices(int a, int b) {
  a = multiplied(a);
  b = multiplied(b);
  const Node left = e_[a], right = e_[b];
  if (left.op != right.op || left.columns != right.columns) {
    return because(false, "a matrix of another shape");
  }
  return in_order(left.args, right.args);
}

/// 2:4 equals 1:2 and 1/2.
bool Comparer::ratios(int a, int b) {
  const auto parts = [&](int id) {
    return e_[id].op == Op::kRatio ? e_[id].args : std::vector<int>{id, e_.number(Rational(1))};
  };
  const std::vector<int> left = parts(a), right = parts(b);
  if (left.size() != right.size()) return because(false, "not as many parts");
  for (size_t i = 1; i < left.size(); ++i) {
    if (!scalars(e_.product(left[i], right[0]), e_.product(right[i], left[0]))) return false;
  }
  return because(true, "the same ratio");
}

Equality equal_answers(Expressions& e, int a, int b, const MathOptions& options, Budget& budget) {
  Comparer comparer(e, options, budget);
  Equality result;
  result.equal = comparer.equal(a, b);
  result.reason = comparer.reason();
  return result;
}

}  // namespace r1
