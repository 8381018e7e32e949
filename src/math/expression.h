// Answers as trees: numbers, formulas, and the lists, sets, intervals and matrices made of them.
#pragma once

#include <string>
#include <vector>

#include "math/number.h"

namespace r1 {

enum class Op {
  kNumber,     // value
  kSymbol,     // name: x, x_{1}, \alpha
  kConstant,   // name: pi, e, i, inf
  kText,       // name: lower-case words
  kSum,        // args
  kProduct,    // args
  kPower,      // base, exponent
  kCall,       // name(args): sin, abs, sum …
  kPlusMinus,  // name + or -: the upper sign; argument
  kDegrees,    // argument
  kPercent,    // argument
  kQuantity,   // name is the unit; argument
  kRelation,   // name: = != < <= > >= in; left and right
  kChain,      // relations that hold together: a < b < c
  kTuple,      // name is its two brackets: () [] [) (]
  kSet,        // { … }
  kList,       // several answers, without brackets
  kUnion,      // of sets
  kIntersection,
  kDifference,
  kRatio,  // a : b : c
  kMatrix  // args row by row; columns
};

struct Node {
  Op op = Op::kText;
  std::string name = {};
  Rational value = {};
  std::vector<int> args = {};
  int columns = 0;
  int decimals = -1;  // of a number written with a decimal point: its last place is 10^-decimals
  int digits = 0;     // its significant digits
};

/// The nodes of the two answers that are compared; a node is named by its index. Bounded: adding
/// past the limit sets is_full, and what was built is not to be trusted.
class Expressions {
 public:
  static constexpr size_t kMaxNodes = 6000;

  Expressions();

  const Node& operator[](int id) const { return nodes_[id]; }
  bool is_full() const { return is_full_; }
  int add(Node node);

  int number(Rational value);
  int symbol(std::string name) { return add({.op = Op::kSymbol, .name = std::move(name)}); }
  int constant(std::string name) { return add({.op = Op::kConstant, .name = std::move(name)}); }
  int text(std::string name) { return add({.op = Op::kText, .name = std::move(name)}); }
  int call(std::string name, std::vector<int> args);
  int node(Op op, std::vector<int> args) { return add({.op = op, .args = std::move(args)}); }

  // These fold what is exactly rational.
  int sum(int a, int b);
  int product(int a, int b);
  int quotient(int a, int b);
  int power(int base, int exponent);
  int negative(int a);

  bool is_number(int id) const { return nodes_[id].op == Op::kNumber; }
  /// The same tree, with factors and terms in any order.
  bool same(int a, int b) const;
  /// The normal form: 2*x + 1, {1, 2}. Terms and factors are in alphabetical order.
  std::string text_of(int id) const;

 private:
  void write(int id, std::string& out) const;
  /// Whether one more exact operation is within what folding may cost: 4,000 units.
  bool may_fold(int64_t units) { return (fold_units_ -= units) >= 0; }

  std::vector<Node> nodes_;
  int64_t fold_units_ = 4000;
  bool is_full_ = false;
};

}  // namespace r1
