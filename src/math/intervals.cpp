#include "math/intervals.h"

#include <algorithm>
#include <string>
#include <utility>

namespace r1 {
namespace {

using Intervals = std::vector<Interval>;
constexpr size_t kMaxIntervals = 64;

class Reader {
 public:
  Reader(Expressions& e, Budget& budget) : e_(e), budget_(budget) {}

  std::optional<Intervals> read(int id) {
    const Node node = e_[id];
    switch (node.op) {
      case Op::kTuple:
        return tuple(node);
      case Op::kRelation:
        return relation(node);
      case Op::kChain:
        return chain(node);
      case Op::kSet:
      case Op::kList:
      case Op::kUnion:
        return all_of(node);
      case Op::kDifference:
        return without(node);
      case Op::kText:
        if (node.name != "real numbers" && node.name != "all real numbers") return std::nullopt;
        return Intervals{{infinity(-1), infinity(1), true, true}};
      default:
        return point(id);
    }
  }

 private:
  int infinity(int sign) {
    const int inf = e_.constant("inf");
    return sign > 0 ? inf : e_.negative(inf);
  }

  std::optional<Intervals> tuple(const Node& node) {
    if (node.args.size() != 2) return std::nullopt;
    const auto order = order_values(e_, node.args[0], node.args[1], budget_);
    if (!order || *order > 0) return std::nullopt;
    return Intervals{{node.args[0], node.args[1], node.name[0] == '(', node.name[1] == ')'}};
  }

  std::optional<Intervals> point(int id) {
    if (has_symbols(e_, id) || !order_values(e_, id, id, budget_)) return std::nullopt;
    return Intervals{{id, id, false, false}};
  }

  /// x < c and c > x; x = c; x != c.
  std::optional<Intervals> relation(const Node& node) {
    int value = node.args[1];
    std::string sign = node.name;
    if (has_symbols(e_, value)) {
      value = node.args[0];
      if (sign[0] == '<' || sign[0] == '>') sign[0] = sign[0] == '<' ? '>' : '<';
    }
    const int symbol = value == node.args[1] ? node.args[0] : node.args[1];
    if (e_[symbol].op != Op::kSymbol || has_symbols(e_, value)) return std::nullopt;
    const bool is_open = sign.size() == 1;
    if (sign == "=") return point(value);
    if (sign[0] == '<') return Intervals{{infinity(-1), value, true, is_open}};
    if (sign[0] == '>') return Intervals{{value, infinity(1), is_open, true}};
    if (sign != "!=") return std::nullopt;
    return Intervals{{infinity(-1), value, true, true}, {value, infinity(1), true, true}};
  }

  /// a < x <= b, or with both signs turned.
  std::optional<Intervals> chain(const Node& node) {
    if (node.args.size() != 2) return std::nullopt;
    const Node first = e_[node.args[0]], second = e_[node.args[1]];
    if (e_[first.args[1]].op != Op::kSymbol || first.name[0] != second.name[0]) return std::nullopt;
    if (first.name[0] != '<' && first.name[0] != '>') return std::nullopt;
    Interval span{first.args[0], second.args[1], first.name.size() == 1, second.name.size() == 1};
    if (first.name[0] == '>') {
      std::swap(span.low, span.high);
      std::swap(span.low_open, span.high_open);
    }
    const auto order = order_values(e_, span.low, span.high, budget_);
    if (!order || *order > 0) return std::nullopt;
    return Intervals{span};
  }

  std::optional<Intervals> all_of(const Node& node) {
    Intervals found;
    for (int arg : node.args) {
      auto part = read(arg);
      if (!part || found.size() + part->size() > kMaxIntervals) return std::nullopt;
      found.insert(found.end(), part->begin(), part->end());
    }
    return found;
  }

  /// A set without some of its points.
  std::optional<Intervals> without(const Node& node) {
    auto left = read(node.args[0]), taken = read(node.args[1]);
    if (!left || !taken) return std::nullopt;
    for (const Interval& hole : *taken) {
      if (order_values(e_, hole.low, hole.high, budget_) != 0) return std::nullopt;
      Intervals rest;
      for (const Interval& span : *left) {
        const auto below = order_values(e_, hole.low, span.low, budget_);
        const auto above = order_values(e_, hole.low, span.high, budget_);
        if (!below || !above) return std::nullopt;
        if (*below < 0 || *above > 0) {
          rest.push_back(span);
          continue;
        }
        if (*below > 0) rest.push_back({span.low, hole.low, span.low_open, true});
        if (*above < 0) rest.push_back({hole.low, span.high, true, span.high_open});
      }
      if (rest.size() > kMaxIntervals) return std::nullopt;
      left = std::move(rest);
    }
    return left;
  }

  Expressions& e_;
  Budget& budget_;
};

}  // namespace

std::optional<std::vector<Interval>> to_intervals(Expressions& e, int id, Budget& budget) {
  auto found = Reader(e, budget).read(id);
  if (!found) return std::nullopt;
  const auto order = [&](int a, int b) { return order_values(e, a, b, budget).value_or(0); };
  // Insertion keeps a defined order even where a comparison gives up.
  for (size_t i = 1; i < found->size(); ++i) {
    for (size_t j = i; j > 0; --j) {
      Interval &left = (*found)[j - 1], &right = (*found)[j];
      const int low = order(right.low, left.low);
      if (low > 0 || (low == 0 && (right.low_open || !left.low_open))) break;
      std::swap(left, right);
    }
  }
  Intervals merged;
  for (const Interval& next : *found) {
    if (!merged.empty()) {
      Interval& last = merged.back();
      const int gap = order(next.low, last.high);
      if (gap < 0 || (gap == 0 && !(next.low_open && last.high_open))) {
        const int end = order(next.high, last.high);
        if (end == 0) last.high_open = last.high_open && next.high_open;
        if (end > 0) {
          last.high = next.high;
          last.high_open = next.high_open;
        }
        continue;
      }
    }
    merged.push_back(next);
  }
  return merged;
}

bool same_intervals(const Expressions& e, const std::vector<Interval>& a,
                    const std::vector<Interval>& b, Budget& budget) {
  const auto is_infinite = [&](int id) {
    return order_values(e, id, id, budget) && !has_symbols(e, id) &&
           e.text_of(id).find("inf") != std::string::npos;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](const auto& x, const auto& y) {
    return order_values(e, x.low, y.low, budget) == 0 &&
           order_values(e, x.high, y.high, budget) == 0 &&
           (x.low_open == y.low_open || is_infinite(x.low)) &&
           (x.high_open == y.high_open || is_infinite(x.high));
  });
}

}  // namespace r1
