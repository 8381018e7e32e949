#include "math/number.h"

#include <flint/flint.h>
#include <flint/fmpq.h>
#include <flint/fmpz.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <utility>

namespace r1 {
namespace {

constexpr int64_t kMaxBits = 13000;  // 3,900 digits; 1000! has 8,530 bits
constexpr size_t kMaxDigits = 2000;

static_assert(sizeof(fmpq) == 2 * sizeof(int64_t));
fmpq* raw(Rational& a) { return reinterpret_cast<fmpq*>(a.words()); }
const fmpq* raw(const Rational& a) { return reinterpret_cast<const fmpq*>(a.words()); }
fmpz* top(Rational& a) { return fmpq_numref(raw(a)); }
const fmpz* top(const Rational& a) { return fmpq_numref(raw(a)); }
const fmpz* bottom(const Rational& a) { return fmpq_denref(raw(a)); }

/// The exact root of a non-negative number, when there is one.
std::optional<Rational> exact_root(const Rational& a, int64_t degree) {
  Rational above, below, result;
  if (!fmpz_root(top(above), top(a), degree) || !fmpz_root(top(below), bottom(a), degree)) {
    return std::nullopt;
  }
  fmpq_div(raw(result), raw(above), raw(below));
  return result;
}

}  // namespace

Rational::Rational(int64_t value) { fmpz_set_si(top(*this), value); }

Rational::Rational(int64_t numerator, int64_t denominator) {
  fmpq_set_si(raw(*this), numerator, static_cast<ulong>(denominator));
}

Rational::Rational(const Rational& other) { fmpq_set(raw(*this), raw(other)); }

Rational::Rational(Rational&& other) noexcept {
  std::swap(words_[0], other.words_[0]);
  std::swap(words_[1], other.words_[1]);
}

Rational& Rational::operator=(Rational other) noexcept {
  std::swap(words_[0], other.words_[0]);
  std::swap(words_[1], other.words_[1]);
  return *this;
}

Rational::~Rational() { fmpq_clear(raw(*this)); }

std::optional<Rational> Rational::from_digits(std::string_view digits, int base) {
  if (digits.empty() || digits.size() > kMaxDigits || base < 2 || base > 36) return std::nullopt;
  for (char c : digits) {
    const int value = std::isdigit(static_cast<unsigned char>(c))   ? c - '0'
                      : std::isalpha(static_cast<unsigned char>(c)) ? (c | 32) - 'a' + 10
                                                                    : 99;
    if (value >= base) return std::nullopt;
  }
  Rational result;
  if (digits.size() <= 17 && base <= 10) {  // the usual case, without a copy
    int64_t value = 0;
    for (char c : digits) value = value * base + (c - '0');
    return Rational(value);
  }
  fmpz_set_str(top(result), std::string(digits).c_str(), base);
  return result;
}

std::optional<Rational> Rational::from_decimal(std::string_view text) {
  const size_t point = text.find('.');
  if (point == text.npos) return from_digits(text, 10);
  const std::string_view decimals = text.substr(point + 1);
  const auto whole = from_digits(std::string(text.substr(0, point)) + std::string(decimals), 10);
  if (!whole) return std::nullopt;
  Rational scale(10);
  fmpz_pow_ui(top(scale), top(scale), decimals.size());
  return divide(*whole, scale);
}

bool Rational::operator==(const Rational& other) const {
  return fmpq_equal(raw(*this), raw(other));
}
bool Rational::operator<(const Rational& other) const {
  return fmpq_cmp(raw(*this), raw(other)) < 0;
}
int64_t Rational::bits() const {
  return static_cast<int64_t>(fmpz_bits(top(*this)) + fmpz_bits(bottom(*this)));
}
int Rational::sign() const { return fmpq_sgn(raw(*this)); }
bool Rational::is_integer() const { return fmpz_is_one(bottom(*this)); }

std::optional<int64_t> Rational::to_int64() const {
  if (!is_integer() || !fmpz_fits_si(top(*this))) return std::nullopt;
  return fmpz_get_si(top(*this));
}

double Rational::to_double() const { return fmpq_get_d(raw(*this)); }

std::string Rational::text() const {
  char* digits = fmpq_get_str(nullptr, 10, raw(*this));
  std::string result = digits;
  flint_free(digits);
  return result;
}

std::optional<Rational> add(const Rational& a, const Rational& b) {
  if (a.bits() + b.bits() > kMaxBits) return std::nullopt;
  Rational result;
  fmpq_add(raw(result), raw(a), raw(b));
  return result;
}

std::optional<Rational> subtract(const Rational& a, const Rational& b) {
  if (a.bits() + b.bits() > kMaxBits) return std::nullopt;
  Rational result;
  fmpq_sub(raw(result), raw(a), raw(b));
  return result;
}

std::optional<Rational> multiply(const Rational& a, const Rational& b) {
  if (a.bits() + b.bits() > kMaxBits) return std::nullopt;
  Rational result;
  fmpq_mul(raw(result), raw(a), raw(b));
  return result;
}

std::optional<Rational> divide(const Rational& a, const Rational& b) {
  if (b.is_zero() || a.bits() + b.bits() > kMaxBits) return std::nullopt;
  Rational result;
  fmpq_div(raw(result), raw(a), raw(b));
  return result;
}

std::optional<Rational> power(const Rational& base, const Rational& exponent) {
  Rational above, below;
  fmpz_set(top(above), top(exponent));
  fmpz_set(top(below), bottom(exponent));
  const auto n = above.to_int64(), degree = below.to_int64();
  if (!n || !degree || *degree > 64) return std::nullopt;
  if (base.is_zero() && *n <= 0) return std::nullopt;
  if (base == Rational(1)) return base;
  if (std::abs(*n) > kMaxBits || base.bits() * std::abs(*n) > kMaxBits) return std::nullopt;
  std::optional<Rational> root = base;
  if (*degree > 1) {
    if (base.sign() < 0) return std::nullopt;  // the principal root is not real
    root = exact_root(base, *degree);
    if (!root) return std::nullopt;
  }
  Rational result;
  fmpq_pow_si(raw(result), raw(*root), *n);
  return result;
}

std::optional<Rational> factorial(const Rational& n) {
  const auto value = n.to_int64();
  if (!value || *value < 0 || *value > 1400) return std::nullopt;
  Rational result;
  fmpz_fac_ui(top(result), static_cast<ulong>(*value));
  return result;
}

std::optional<Rational> binomial(const Rational& n, const Rational& k) {
  const auto above = n.to_int64(), below = k.to_int64();
  if (!above || !below || *above < 0 || *below < 0 || *above > 1000000000) return std::nullopt;
  if (*below > *above) return Rational(0);
  const int64_t least = std::min(*below, *above - *below);
  if (least > 1000) return std::nullopt;
  Rational result;
  fmpz_bin_uiui(top(result), static_cast<ulong>(*above), static_cast<ulong>(least));
  if (result.bits() > kMaxBits) return std::nullopt;
  return result;
}

std::optional<Rational> modulo(const Rational& a, const Rational& b) {
  const auto ratio = divide(a, b);
  if (!ratio) return std::nullopt;
  const auto whole = multiply(floor(*ratio), b);
  return whole ? subtract(a, *whole) : std::nullopt;
}

std::optional<Rational> greatest_common_divisor(const Rational& a, const Rational& b) {
  if (!a.is_integer() || !b.is_integer()) return std::nullopt;
  Rational result;
  fmpz_gcd(top(result), top(a), top(b));
  return result;
}

Rational floor(const Rational& a) {
  Rational result;
  fmpz_fdiv_q(top(result), top(a), bottom(a));
  return result;
}

Rational absolute(const Rational& a) {
  Rational result;
  fmpq_abs(raw(result), raw(a));
  return result;
}

void release_math_memory() { flint_cleanup(); }

}  // namespace r1
