#include "math/polynomial.h"

#include <flint/fmpq.h>
#include <flint/fmpq_mpoly.h>

#include <algorithm>
#include <string>
#include <vector>

namespace r1 {
namespace {

constexpr slong kMaxTerms = 300, kMaxDegree = 40;

/// Collects the names of symbols and constants; false when something else is no polynomial.
bool collect(const Expressions& e, int id, std::vector<std::string>& names, bool& has_constants,
             Budget& budget) {
  if (!budget.spend(1)) return false;
  const Node& node = e[id];
  switch (node.op) {
    case Op::kNumber:
      return true;
    case Op::kConstant:
      has_constants = true;
      if (node.name == "i" || node.name == "inf") return false;
      [[fallthrough]];
    case Op::kSymbol:
      if (std::find(names.begin(), names.end(), node.name) == names.end()) {
        names.push_back(node.name);
      }
      return names.size() <= 8;
    case Op::kPower: {
      if (!e.is_number(node.args[1])) return false;
      const auto exponent = e[node.args[1]].value.to_int64();
      if (!exponent || *exponent < 0 || *exponent > kMaxDegree) return false;
      return collect(e, node.args[0], names, has_constants, budget);
    }
    case Op::kSum:
    case Op::kProduct:
      return std::all_of(node.args.begin(), node.args.end(),
                         [&](int arg) { return collect(e, arg, names, has_constants, budget); });
    default:
      return false;
  }
}

class Context {
 public:
  explicit Context(size_t n_names) {
    fmpq_mpoly_ctx_init(value_, static_cast<slong>(n_names), ORD_LEX);
  }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { fmpq_mpoly_ctx_clear(value_); }
  operator fmpq_mpoly_ctx_struct*() { return value_; }

 private:
  fmpq_mpoly_ctx_t value_;
};

class Polynomial {
 public:
  explicit Polynomial(Context& context) : context_(context) { fmpq_mpoly_init(value_, context_); }
  Polynomial(const Polynomial&) = delete;
  Polynomial& operator=(const Polynomial&) = delete;
  ~Polynomial() { fmpq_mpoly_clear(value_, context_); }
  operator fmpq_mpoly_struct*() { return value_; }
  slong length() { return fmpq_mpoly_length(value_, context_); }
  slong degree() {
    fmpz_t total;
    fmpz_init(total);
    fmpq_mpoly_total_degree_fmpz(total, value_, context_);
    const slong result = fmpz_fits_si(total) ? fmpz_get_si(total) : kMaxDegree + 1;
    fmpz_clear(total);
    return result;
  }

 private:
  Context& context_;
  fmpq_mpoly_t value_;
};

class Builder {
 public:
  Builder(const Expressions& e, const std::vector<std::string>& names, Context& context,
          Budget& budget)
      : e_(e), names_(names), context_(context), budget_(budget) {}

  /// False when the polynomial would pass the bounds.
  bool build(int id, Polynomial& out) {
    const Node& node = e_[id];
    switch (node.op) {
      case Op::kNumber:
        fmpq_mpoly_set_fmpq(out, reinterpret_cast<const fmpq*>(node.value.words()), context_);
        return true;
      case Op::kConstant:
      case Op::kSymbol: {
        const auto found = std::find(names_.begin(), names_.end(), node.name);
        fmpq_mpoly_gen(out, found - names_.begin(), context_);
        return true;
      }
      case Op::kPower:
        return power(node, out);
      default:
        return fold(node, out);
    }
  }

 private:
  bool multiply(Polynomial& out, Polynomial& by) {
    const slong cost = out.length() * by.length();
    if (cost > kMaxTerms * 4 || !budget_.spend(1 + cost / 4)) return false;
    fmpq_mpoly_mul(out, out, by, context_);
    return out.length() <= kMaxTerms && out.degree() <= kMaxDegree;
  }

  bool fold(const Node& node, Polynomial& out) {
    for (size_t i = 0; i < node.args.size(); ++i) {
      if (i == 0) {
        if (!build(node.args[0], out)) return false;
        continue;
      }
      Polynomial part(context_);
      if (!build(node.args[i], part)) return false;
      if (node.op == Op::kProduct) {
        if (!multiply(out, part)) return false;
      } else {
        if (!budget_.spend(1 + (out.length() + part.length()) / 8)) return false;
        fmpq_mpoly_add(out, out, part, context_);
        if (out.length() > kMaxTerms) return false;
      }
    }
    return true;
  }

  bool power(const Node& node, Polynomial& out) {
    Polynomial base(context_);
    if (!build(node.args[0], base)) return false;
    fmpq_mpoly_one(out, context_);
    for (int64_t n = *e_[node.args[1]].value.to_int64(); n > 0; --n) {
      if (!multiply(out, base)) return false;
    }
    return true;
  }

  const Expressions& e_;
  const std::vector<std::string>& names_;
  Context& context_;
  Budget& budget_;
};

}  // namespace

Evidence compare_polynomials(const Expressions& e, int a, int b, Budget& budget) {
  std::vector<std::string> names;
  bool has_constants = false;
  if (!collect(e, a, names, has_constants, budget) ||
      !collect(e, b, names, has_constants, budget) || names.empty()) {
    return Evidence::kUnknown;
  }
  Context context(names.size());
  Polynomial x(context), y(context);
  Builder builder(e, names, context, budget);
  if (!builder.build(a, x) || !builder.build(b, y)) return Evidence::kUnknown;
  if (fmpq_mpoly_equal(x, y, context)) return Evidence::kEqual;
  return has_constants ? Evidence::kUnknown : Evidence::kDifferent;
}

}  // namespace r1
