// The filters, tests, methods and functions that chat templates may use.
#pragma once

#include <string>
#include <string_view>

#include "text/jinja_value.h"

namespace r1::jinja {

/// What a template may spend: it comes inside a model folder, and nobody vouches for it.
class Budget {
 public:
  static constexpr int64_t kMaxSteps = 3'000'000;
  static constexpr int64_t kMaxBytes = int64_t{1} << 28;

  /// One node of the template evaluated.
  void step();
  /// Bytes made or looked through.
  void spend(int64_t n_bytes);
  void spend(const Value& value) { spend(value.weight()); }

 private:
  int64_t n_steps_ = 0, n_bytes_ = 0;
};

struct Arguments {
  List positional;
  Dict named;

  /// By place, or by name; nullptr when not given.
  const Value* find(size_t place, std::string_view name) const;
  /// As text; an error names the function when it is absent or no string.
  std::string text(size_t place, std::string_view name, const std::string& function) const;
};

/// Each throws TemplateError when the name is unknown or the value does not suit.
Value apply_filter(const std::string& name, const Value& input, const Arguments& arguments,
                   Budget& budget);
bool apply_test(const std::string& name, const Value& input, const Arguments& arguments,
                Budget& budget);
Value call_method(const Value& self, const std::string& name, const Arguments& arguments,
                  Budget& budget);
/// range, raise_exception, strftime_now, dict
Value call_function(const std::string& name, const Arguments& arguments, Budget& budget);
bool is_function_name(std::string_view name);

/// a.name: a member, or Undefined; an error on what is undefined itself.
Value attribute(const Value& value, const std::string& name);
/// What a loop runs over: items of a list, keys of a dict, characters of a string.
List iterate(const Value& value, Budget& budget);
bool contains(const Value& container, const Value& item, Budget& budget);
std::string strip(std::string_view text, const Arguments& arguments, bool left, bool right,
                  Budget& budget);
std::string replace(std::string_view text, const Arguments& arguments, Budget& budget);
std::string title_case(std::string_view text, bool every_word);

}  // namespace r1::jinja
