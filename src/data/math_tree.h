// Arithmetic as a syntax tree: exact values, how it is written, and its steps in order.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "math/number.h"

namespace r1 {

/// Nodes name their parts by index, and a part may be named twice: its step is taken once.
struct MathTree {
  struct Node {
    char op = 0;  // + - * / ^; 0: a number
    int left = -1, right = -1;
    Rational value;
  };
  std::vector<Node> nodes;  // parts before the whole; the last one is the root

  int root() const { return static_cast<int>(nodes.size()) - 1; }
  const Rational& value() const { return nodes.back().value; }
  int number(const Rational& value);
  int number(int64_t value) { return number(Rational(value)); }
  /// -1 when there is no exact value (a division by zero, a number beyond all bounds).
  int apply(char op, int left, int right);
};

/// One operation on two numbers; nothing where it has no exact value.
std::optional<Rational> apply_operation(char op, const Rational& a, const Rational& b);

/// "12 + 7 * (3 - 1)": + - * / ^ with the brackets that the tree needs, and no others. Nodes that
/// are already worked out stand as the number in `known`.
std::string write_tree(const MathTree& tree, int node,
                       const std::vector<std::optional<Rational>>& known = {});

/// "7 * (-2)": an operation on two numbers.
std::string write_operation(char op, const Rational& a, const Rational& b);

/// The operations below the node, each after its parts, from the left.
std::vector<int> steps_of(const MathTree& tree, int node);

}  // namespace r1
