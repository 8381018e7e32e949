#include "data/math_tree.h"

namespace r1 {
namespace {

int strength(char op) { return op == '^' ? 3 : op == '*' || op == '/' ? 2 : 1; }

/// What a number binds like: -3 needs brackets within a line, 3/4 is a division.
constexpr int kNumber = 4;

class Writer {
 public:
  Writer(const MathTree& tree, const std::vector<std::optional<Rational>>& known)
      : tree_(tree), known_(known) {}

  /// leads: nothing but an opening bracket stands before it.
  std::string write(int at, bool leads) const {
    const MathTree::Node& node = tree_.nodes[static_cast<size_t>(at)];
    const Rational* value = number_at(at);
    if (value) return value->sign() < 0 && !leads ? "(" + value->text() + ")" : value->text();
    const int own = strength(node.op);
    std::string text = part(node.left, leads, strength_of(node.left) < own || is_power(node));
    text += ' ';
    text += node.op;
    text += ' ';
    return text + part(node.right, false, strength_of(node.right) <= own);
  }

 private:
  const Rational* number_at(int at) const {
    const auto i = static_cast<size_t>(at);
    if (i < known_.size() && known_[i]) return &*known_[i];
    return tree_.nodes[i].op == 0 ? &tree_.nodes[i].value : nullptr;
  }
  int strength_of(int at) const {
    const Rational* value = number_at(at);
    if (!value) return strength(tree_.nodes[static_cast<size_t>(at)].op);
    return value->is_integer() ? kNumber : strength('/');
  }
  /// The base of a power: anything but a plain number gets brackets.
  bool is_power(const MathTree::Node& node) const {
    if (node.op != '^') return false;
    const Rational* base = number_at(node.left);
    return !base || base->sign() < 0 || !base->is_integer();
  }
  std::string part(int at, bool leads, bool brackets) const {
    return brackets ? "(" + write(at, true) + ")" : write(at, leads);
  }

  const MathTree& tree_;
  const std::vector<std::optional<Rational>>& known_;
};

void add_steps(const MathTree& tree, int at, std::vector<bool>& seen, std::vector<int>& steps) {
  const MathTree::Node& node = tree.nodes[static_cast<size_t>(at)];
  if (node.op == 0 || seen[static_cast<size_t>(at)]) return;
  seen[static_cast<size_t>(at)] = true;
  add_steps(tree, node.left, seen, steps);
  add_steps(tree, node.right, seen, steps);
  steps.push_back(at);
}

}  // namespace

std::optional<Rational> apply_operation(char op, const Rational& a, const Rational& b) {
  switch (op) {
    case '+':
      return add(a, b);
    case '-':
      return subtract(a, b);
    case '*':
      return multiply(a, b);
    case '/':
      return b.is_zero() ? std::nullopt : divide(a, b);
    default:
      return power(a, b);
  }
}

int MathTree::number(const Rational& value) {
  nodes.push_back({0, -1, -1, value});
  return root();
}

int MathTree::apply(char op, int left, int right) {
  auto value = apply_operation(op, nodes[static_cast<size_t>(left)].value,
                               nodes[static_cast<size_t>(right)].value);
  if (!value) return -1;
  nodes.push_back({op, left, right, std::move(*value)});
  return root();
}

std::string write_tree(const MathTree& tree, int node,
                       const std::vector<std::optional<Rational>>& known) {
  return Writer(tree, known).write(node, true);
}

std::string write_operation(char op, const Rational& a, const Rational& b) {
  MathTree tree;
  const int left = tree.number(a), right = tree.number(b);
  tree.nodes.push_back({op, left, right, {}});
  return write_tree(tree, tree.root());
}

std::vector<int> steps_of(const MathTree& tree, int node) {
  std::vector<bool> seen(tree.nodes.size(), false);
  std::vector<int> steps;
  add_steps(tree, node, seen, steps);
  return steps;
}

}  // namespace r1
