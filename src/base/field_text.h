// How single values of a config read and write as text, exactly and without a locale.
#pragma once

#include <charconv>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/fields.h"

namespace r1 {

/// The shortest text that reads back to the same bits.
template <class T>
std::string number_text(T value) {
  char buffer[64];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr};
}

/// What a field of this type takes, for messages.
template <class T>
std::string type_name() {
  if constexpr (std::is_same_v<T, bool>) return "true or false";
  if constexpr (std::is_unsigned_v<T>) return "a whole number of 0 or more";
  if constexpr (std::is_integral_v<T>) return "a whole number";
  if constexpr (std::is_floating_point_v<T>) return "a number";
  if constexpr (std::is_same_v<T, std::string>) return "text";
  if constexpr (std::is_same_v<T, std::vector<std::string>>) return "a list of texts";
  if constexpr (std::is_same_v<T, std::vector<double>>) return "a list of numbers";
}

/// The whole text as a number; the error reads on from the name of a field: "takes … not …".
template <class T>
Result<T> parse_number(std::string_view text) {
  T value{};
  // from_chars takes no plus sign.
  const size_t plus = text.starts_with('+') && !text.starts_with("+-") ? 1 : 0;
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data() + plus, end, value);
  if (stop != end || code == std::errc::invalid_argument) {
    return fail("takes {}, not '{}'", type_name<T>(), text);
  }
  if (code == std::errc{}) return value;
  if constexpr (std::is_integral_v<T>) {
    using Limits = std::numeric_limits<T>;
    return fail("takes {} to {}, not {}", Limits::min(), Limits::max(), text);
  } else {
    return fail("takes a {}-bit number, and {} is out of its range", 8 * sizeof(T), text);
  }
}

/// The field of that name, or nullptr.
const Field* find_field(const std::vector<Field>& fields, const std::string& name);

/// Whether fields have names that start with "name.".
bool is_table_of(const std::vector<Field>& fields, const std::string& name);

/// The error for a name that is no field, with the nearest that is.
tl::unexpected<Error> unknown_field(const std::vector<Field>& fields, const std::string& name);

}  // namespace r1
