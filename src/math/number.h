// Exact rational numbers of any size, within a bound on bits that every operation keeps.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace r1 {

/// A fraction in lowest terms (FLINT's fmpq inside). A value belongs to one thread at a time.
class Rational {
 public:
  Rational() = default;
  explicit Rational(int64_t value);
  Rational(int64_t numerator, int64_t denominator);
  Rational(const Rational&);
  Rational(Rational&&) noexcept;
  Rational& operator=(Rational) noexcept;
  ~Rational();

  /// "123", "1.50", ".5", digits in a base from 2 to 36; nothing when it is not one or is longer
  /// than the bound.
  static std::optional<Rational> from_decimal(std::string_view text);
  static std::optional<Rational> from_digits(std::string_view digits, int base);

  bool operator==(const Rational&) const;
  bool operator<(const Rational&) const;
  int sign() const;
  int64_t bits() const;  // of numerator and denominator together
  bool is_zero() const { return sign() == 0; }
  bool is_integer() const;
  std::optional<int64_t> to_int64() const;  // an integer that fits
  double to_double() const;                 // the nearest below in magnitude
  std::string text() const;                 // 3, -1/2

  const int64_t* words() const { return words_; }  // numerator, denominator, as in fmpq
  int64_t* words() { return words_; }

 private:
  int64_t words_[2] = {0, 1};
};

/// Nothing when the result would pass the bound, or is not a rational number.
std::optional<Rational> add(const Rational& a, const Rational& b);
std::optional<Rational> subtract(const Rational& a, const Rational& b);
std::optional<Rational> multiply(const Rational& a, const Rational& b);
std::optional<Rational> divide(const Rational& a, const Rational& b);
std::optional<Rational> power(const Rational& base, const Rational& exponent);  // 8^(2/3) is 4
std::optional<Rational> factorial(const Rational& n);
std::optional<Rational> binomial(const Rational& n, const Rational& k);
std::optional<Rational> modulo(const Rational& a, const Rational& b);  // sign of b
std::optional<Rational> greatest_common_divisor(const Rational& a, const Rational& b);
Rational floor(const Rational& a);
Rational absolute(const Rational& a);

/// Gives back what this thread's arithmetic keeps for reuse: call it when a thread that judged
/// answers ends.
void release_math_memory();

}  // namespace r1
