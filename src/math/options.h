// What a user may choose about finding and comparing mathematical answers.
#pragma once

#include <string>

namespace r1 {

struct MathOptions {
  std::string extract = "boxed,answer_tag,answer_is,last";  // tried in this order
  bool skip_thought = true;       // nothing inside <think> … </think> is ever an answer
  int min_digits = 6;             // a decimal with so many digits may stand for an exact number
  bool ordered_lists = false;     // 1, 2 differs from 2, 1
  bool percent_is_number = true;  // 10% equals 10 as well as 0.1
  bool units_matter = false;      // 5 differs from 5 cm; 5 cm always differs from 5 m
  bool simplified = false;        // 2 + 3 is no answer where the reference is the number 5

  void visit(auto&& f) {
    f("extract", extract, "where answers stand: boxed, answer_tag, answer_is, last; in order");
    f("skip_thought", skip_thought, "never take an answer from inside <think>");
    f("min_digits", min_digits, "digits from which a decimal may stand for an exact number");
    f("ordered_lists", ordered_lists, "the order of several answers matters");
    f("percent_is_number", percent_is_number, "10% equals 10 as well as 0.1");
    f("units_matter", units_matter, "a missing unit makes an answer wrong");
    f("simplified", simplified, "where the reference is a number, a formula is no answer");
  }
};

}  // namespace r1
