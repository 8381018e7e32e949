#include <algorithm>
#include <array>
#include <utility>

#include "math/parser.h"
#include "math/units.h"

namespace r1 {

int Parser::command_atom() {
  const std::string name = look().text;
  next();
  if (name == "frac") {
    const int above = single_argument(), below = single_argument();
    return has_failed() ? 0 : out_.quotient(above, below);
  }
  if (name == "binom" || name == "choose") {
    const int above = single_argument(), below = single_argument();
    return out_.call("binom", {above, below});
  }
  if (name == "sqrt") {
    int degree = out_.number(Rational(2));
    if (skip_sign("[")) {
      degree = sum();
      if (!skip_sign("]")) return failed();
    }
    const int inside = group_argument();
    if (has_failed()) return 0;
    const bool is_square = out_.is_number(degree) && out_[degree].value == Rational(2);
    return is_square ? out_.power(inside, out_.number(Rational(1, 2)))
                     : out_.call("root", {inside, degree});
  }
  if (is_function_name(name)) return function(name);
  if (name == "pi") return out_.constant("pi");
  if (name == "infty") return out_.constant("inf");
  if (name == "imath") return out_.constant("i");
  if (name == "emptyset" || name == "varnothing") return out_.node(Op::kSet, {});
  if (name == "begin") return environment();
  if (name == "boxed" || name == "fbox" || name == "ensuremath" || name == "mathop") {
    return group_argument();
  }
  if (name == "mathbb" || name == "mathcal") {
    const int inside = group_argument();
    const std::string letter = has_failed() ? "" : out_.text_of(inside);
    return out_.text(letter == "R" ? "real numbers" : letter);
  }
  if (name == "lfloor" || name == "lceil") {
    const int inside = sum();
    if (!skip_command(name == "lfloor" ? "rfloor" : "rceil")) return failed();
    return out_.call(name == "lfloor" ? "floor" : "ceil", {inside});
  }
  if (name == "langle") {
    std::vector<int> inside = items();
    if (!skip_command("rangle")) return failed();
    return out_.add({.op = Op::kTuple, .name = "()", .args = std::move(inside)});
  }
  static constexpr std::array<std::string_view, 5> kBig = {"sum", "prod", "int", "lim", "oint"};
  if (std::find(kBig.begin(), kBig.end(), name) != kBig.end()) return big_operator(name);
  static constexpr std::array<std::string_view, 8> kMarks = {
      "overline", "bar", "vec", "hat", "overrightarrow", "widehat", "tilde", "underline"};
  if (std::find(kMarks.begin(), kMarks.end(), name) != kMarks.end()) {
    const int inside = group_argument();
    return has_failed() ? 0 : symbol(name + "{" + out_.text_of(inside) + "}");
  }
  if (name == "angle" || name == "triangle" || name == "vphantom") return atom();
  return symbol("\\" + name);
}

/// A matrix, or the lines of cases.
int Parser::environment() {
  if (++depth_ > kMaxDepth) return failed();
  const auto read_name = [&] {
    std::string name;
    if (!skip_sign("{")) return name;
    while (look().type == Token::kWord || at_sign("*")) {
      name += look().text;
      next();
    }
    skip_sign("}");
    return name;
  };
  const std::string name = read_name();
  const bool is_matrix = name.ends_with("matrix") || name == "array";
  if (name == "array" && at_sign("{")) bracketed();
  std::vector<int> cells;
  int columns = 0, column = 0;
  bool is_even = true;
  while (!has_failed() && !at_command("end")) {
    if (skip_sign("\\\\")) {
      is_even = is_even && (columns == 0 || column == columns);
      columns = column;
      column = 0;
    } else if (!skip_sign("&") && !(!is_matrix && skip_separator())) {
      if (skip_command("hline") || skip_sign(".")) continue;
      push_item(cells, relation());
      ++column;
    }
    if (look().type == Token::kEnd) return failed();
  }
  if (has_failed()) return 0;
  if (column > 0) is_even = is_even && (columns == 0 || column == columns);
  if (columns == 0) columns = column;
  next();
  read_name();
  --depth_;
  if (cells.empty()) return failed();
  if (!is_matrix) return out_.node(Op::kList, std::move(cells));
  if (!is_even || cells.size() % static_cast<size_t>(columns) != 0) return failed();
  const int matrix = out_.add({.op = Op::kMatrix, .args = std::move(cells), .columns = columns});
  return name == "vmatrix" ? out_.call("det", {matrix}) : matrix;
}

}  // namespace r1
