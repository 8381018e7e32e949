// The steps behind equal_answers; for equal*.cpp only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "math/equal.h"

namespace r1 {

class Comparer {
 public:
  Comparer(Expressions& e, const MathOptions& options, Budget& budget)
      : e_(e), options_(options), budget_(budget) {}

  bool equal(int a, int b);
  const std::string& reason() const { return reason_; }

 private:
  bool because(bool equal, std::string_view reason);
  bool compare(int a, int b);
  bool texts(int a, int b);
  bool intervals(int a, int b);
  bool collections(int a, int b);
  bool in_order(const std::vector<int>& a, const std::vector<int>& b);
  bool in_any_order(const std::vector<int>& a, const std::vector<int>& b);
  bool matrices(int a, int b);
  int multiplied(int id);
  bool ratios(int a, int b);

  // Relations, in equal_relations.cpp.
  bool relations(int a, int b);
  bool equations(int a, int b);
  bool inequalities(int a, int b);
  bool is_name(int id) const;
  bool same_name(int a, int b) const;
  bool is_solution(int id) const;

  // Single values, in equal_values.cpp.
  bool scalars(int a, int b);
  bool wrapped(int a, int b);
  bool same_units(const std::string& a, const std::string& b) const;
  bool plain_values(int a, int b);
  bool decimals(int a, int b);

  Expressions& e_;
  const MathOptions& options_;
  Budget& budget_;
  std::string reason_;
  int depth_ = 0;
};

}  // namespace r1
