// One complex ball and the evaluation of a formula into it; for ball*.cpp only.
#pragma once

#include <acb.h>

#include "math/ball.h"

namespace r1 {

class Ball {
 public:
  Ball() { acb_init(value_); }
  Ball(const Ball&) = delete;
  Ball& operator=(const Ball&) = delete;
  ~Ball() { acb_clear(value_); }
  acb_ptr get() { return value_; }
  operator acb_ptr() { return value_; }

 private:
  acb_t value_;
};

/// Where formulas are evaluated: point 0 and 1 have positive symbols, the others signed ones.
struct BallPlace {
  int point = 0;
  slong bits = 128;
};

/// False when there is no finite value of a bounded size, or the budget is spent.
bool evaluate(const Expressions& e, int id, BallPlace place, Budget& budget, acb_ptr out);

}  // namespace r1
