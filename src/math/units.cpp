#include "math/units.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <utility>

namespace r1 {
namespace {

constexpr std::pair<std::string_view, std::string_view> kUnits[] = {
    {"mm", "mm"},         {"millimeter", "mm"}, {"millimetre", "mm"}, {"cm", "cm"},
    {"centimeter", "cm"}, {"centimetre", "cm"}, {"dm", "dm"},         {"m", "m"},
    {"meter", "m"},       {"metre", "m"},       {"km", "km"},         {"kilometer", "km"},
    {"kilometre", "km"},  {"in", "in"},         {"inch", "in"},       {"inche", "in"},
    {"ft", "ft"},         {"foot", "ft"},       {"feet", "ft"},       {"yd", "yd"},
    {"yard", "yd"},       {"mi", "mile"},       {"mile", "mile"},     {"mg", "mg"},
    {"g", "g"},           {"gram", "g"},        {"kg", "kg"},         {"kilogram", "kg"},
    {"lb", "lb"},         {"pound", "lb"},      {"oz", "oz"},         {"ounce", "oz"},
    {"ton", "ton"},       {"ml", "ml"},         {"milliliter", "ml"}, {"l", "l"},
    {"liter", "l"},       {"litre", "l"},       {"gallon", "gallon"}, {"s", "s"},
    {"sec", "s"},         {"second", "s"},      {"min", "min"},       {"minute", "min"},
    {"h", "h"},           {"hr", "h"},          {"hour", "h"},        {"day", "day"},
    {"week", "week"},     {"month", "month"},   {"year", "year"},     {"yr", "year"},
    {"mph", "mph"},       {"kph", "km/h"},      {"dollar", "dollar"}, {"cent", "cent"},
    {"yuan", "yuan"},     {"euro", "euro"},     {"degree", "degree"}, {"deg", "degree"},
    {"radian", "radian"}, {"rad", "radian"},    {"unit", "unit"},     {"hz", "hz"},
    {"am", "am"},         {"pm", "pm"},         {"rupee", "rupee"},   {"percent", "%"},
    {"percentage", "%"},  {"pct", "%"},         {"sq", "square"},     {"square", "square"},
    {"cubic", "cubic"}};

constexpr std::string_view kFunctions[] = {
    "sin",  "cos",  "tan",    "cot",  "sec",  "csc",   "arcsin", "arccos", "arctan", "asin",
    "acos", "atan", "arccot", "sinh", "cosh", "tanh",  "log",    "ln",     "lg",     "exp",
    "abs",  "max",  "min",    "gcd",  "lcm",  "floor", "ceil",   "sqrt",   "det"};
constexpr std::string_view kGreek[] = {
    "alpha", "beta",  "gamma",  "delta",  "epsilon", "varepsilon", "zeta",  "eta",
    "theta", "iota",  "kappa",  "lambda", "mu",      "nu",         "xi",    "rho",
    "sigma", "tau",   "phi",    "varphi", "chi",     "psi",        "omega", "Gamma",
    "Delta", "Theta", "Lambda", "Sigma",  "Phi",     "Psi",        "Omega", "ell"};

}  // namespace

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return out;
}

std::string unit_of(std::string_view text) {
  std::string word = lower_case(text);
  for (int attempt = 0; attempt < 2; ++attempt) {
    for (const auto& [name, unit] : kUnits) {
      if (word == name) return std::string(unit);
    }
    if (word.size() < 3 || !word.ends_with('s')) return "";
    word.pop_back();
  }
  return "";
}

bool is_function_name(std::string_view word) {
  return std::find(std::begin(kFunctions), std::end(kFunctions), word) != std::end(kFunctions);
}

bool is_greek(std::string_view word) {
  return std::find(std::begin(kGreek), std::end(kGreek), word) != std::end(kGreek);
}

std::string plain_words(std::string_view text) {
  std::string out;
  for (char c : text) {
    const bool is_part = std::isalnum(static_cast<unsigned char>(c)) || (c & 0x80);
    if (is_part) {
      out += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

}  // namespace r1
