#include "models/merge.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "models/describe_tensors.h"
#include "models/family.h"
#include "models/load_weights.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

Result<void> read_floats(const StoredTensor& tensor, int64_t begin, int64_t end, float* to) {
  return read_rows(tensor, begin, end,
                   Tensor(to, Dtype::kF32, {end - begin, tensor.row_elements()}));
}

bool can_be_mixed(const StoredTensor& tensor) {
  const StoredDtype dtype = merged_dtype(tensor);
  return dtype == StoredDtype::kF32 || dtype == StoredDtype::kF16 || dtype == StoredDtype::kBF16;
}

MergedTensor unchanged(const StoredTensor& tensor) {
  return {{tensor.name, merged_dtype(tensor), tensor.shape}, &tensor};
}

/// One tensor as it is in each of the models.
std::vector<const StoredTensor*> same_tensor(const std::vector<MergeInput>& models,
                                             const StoredTensor& first) {
  std::vector<const StoredTensor*> tensors;
  for (const MergeInput& model : models) tensors.push_back(model.source.find(first.name));
  return tensors;
}

/// Rows as Σ factor · row, in the order of the tensors.
RowMaker mix(std::vector<const StoredTensor*> tensors, std::vector<float> factors) {
  return [tensors = std::move(tensors), factors = std::move(factors)](int64_t begin, int64_t end,
                                                                      float* to) -> Result<void> {
    const int64_t n = (end - begin) * tensors[0]->row_elements();
    std::vector<float> rows(static_cast<size_t>(n));
    std::fill(to, to + n, 0.0f);
    for (size_t m = 0; m < tensors.size(); ++m) {
      R1_RETURN_IF_ERROR(read_floats(*tensors[m], begin, end, rows.data()));
      for (int64_t i = 0; i < n; ++i) to[i] += factors[m] * rows[static_cast<size_t>(i)];
      if (m > 0) release_rows(*tensors[m], begin, end);
    }
    return {};
  };
}

struct Products {
  double aa = 0, ab = 0, bb = 0;
};

/// a · a, a · b, b · b in chunks of rows of fixed size, added in order: the thread count changes
/// nothing.
Result<Products> products(const StoredTensor& a, const StoredTensor& b, ThreadPool& pool) {
  constexpr int64_t kChunk = 1 << 18;  // elements
  const int64_t width = a.row_elements(), step = std::max<int64_t>(1, kChunk / width);
  std::vector<Products> chunks(static_cast<size_t>((a.rows() + step - 1) / step));
  std::vector<Result<void>> read(chunks.size());
  pool.parallel_for(static_cast<int64_t>(chunks.size()), 1, [&](int64_t first, int64_t last) {
    std::vector<float> x(static_cast<size_t>(step * width)), y(x.size());
    for (int64_t c = first; c < last; ++c) {
      const int64_t begin = c * step, end = std::min(a.rows(), begin + step);
      read[c] = read_floats(a, begin, end, x.data());
      if (read[c]) read[c] = read_floats(b, begin, end, y.data());
      Products sum;
      for (int64_t i = 0; i < (end - begin) * width; ++i) {
        sum.aa += static_cast<double>(x[i]) * x[i];
        sum.ab += static_cast<double>(x[i]) * y[i];
        sum.bb += static_cast<double>(y[i]) * y[i];
      }
      chunks[c] = sum;
      release_rows(a, begin, end);
      release_rows(b, begin, end);
    }
  });
  Products all;
  for (size_t c = 0; c < chunks.size(); ++c) {
    R1_RETURN_IF_ERROR(read[c]);
    all.aa += chunks[c].aa;
    all.ab += chunks[c].ab;
    all.bb += chunks[c].bb;
  }
  return all;
}

std::vector<float> slerp_factors(const Products& p, double t) {
  constexpr double kParallel = 0.9995;
  const double norms = std::sqrt(p.aa) * std::sqrt(p.bb);
  const double cosine = norms > 0 ? std::clamp(p.ab / norms, -1.0, 1.0) : 1.0;
  if (!(std::abs(cosine) <= kParallel)) {
    return {static_cast<float>(1 - t), static_cast<float>(t)};
  }
  const double theta = std::acos(cosine);
  return {static_cast<float>(std::sin((1 - t) * theta) / std::sin(theta)),
          static_cast<float>(std::sin(t * theta) / std::sin(theta))};
}

/// What config.json says of the computation, in one style whatever the style of the file.
Json computation(const MergeInput& model) {
  const auto family = find_family(model.config.architecture);
  CHECK(family.has_value(), "{}", model.config.architecture);
  Json json = Json::parse((*family)->write_config(model.config, "float32"));
  for (const char* key : {"bos_token_id", "eos_token_id", "max_position_embeddings"}) {
    json.erase(key);
  }
  return json;
}

std::string config_differences(const MergeInput& a, const MergeInput& b) {
  if (a.config.architecture != b.config.architecture) {
    return fmt::format("\n  {}: architecture {}, not {}", b.path.string(), b.config.architecture,
                       a.config.architecture);
  }
  std::string text;
  const Json ours = computation(a), theirs = computation(b);
  for (const auto& [key, value] : ours.items()) {
    const Json other = theirs.contains(key) ? theirs[key] : Json();
    if (other == value) continue;
    text += fmt::format("\n  {}: {} {}, not {}", b.path.string(), key, other.dump(), value.dump());
  }
  return text;
}

/// "\n  B: lacks model.layers.{0-27}.mlp.up_proj.weight": a line for all layers alike.
std::string in_lines(const Path& path, const char* verb, std::vector<StoredTensor> tensors) {
  std::string text;
  for (const TensorGroup& g : group_tensors(Source::of({}, std::move(tensors)), "")) {
    text +=
        fmt::format("\n  {}: {} {} ({})", path.string(), verb, g.name, fmt::join(g.shape, ", "));
  }
  return text;
}

std::string tensor_differences(const MergeInput& a, const MergeInput& b) {
  std::vector<StoredTensor> lacking, misshapen, besides;
  for (const StoredTensor& t : a.source.tensors()) {
    if (t.is_consumed) continue;
    const StoredTensor* other = b.source.find(t.name);
    if (!other) lacking.push_back(t);
    if (other && other->shape != t.shape) misshapen.push_back(*other);
  }
  for (const StoredTensor& t : b.source.tensors()) {
    if (!t.is_consumed && !a.source.find(t.name)) besides.push_back(t);
  }
  return in_lines(b.path, "lacks", std::move(lacking)) +
         in_lines(b.path, "has in another shape", std::move(misshapen)) +
         in_lines(b.path, "has besides", std::move(besides));
}

/// One MergedTensor for each of the first model's; open is given those of all models.
std::vector<MergedTensor> merge_all(
    const std::vector<MergeInput>& models,
    const std::function<Result<RowMaker>(std::vector<const StoredTensor*>)>& open) {
  std::vector<MergedTensor> merged;
  for (const StoredTensor& t : models[0].source.tensors()) {
    if (t.is_consumed) continue;
    merged.push_back(unchanged(t));
    if (!can_be_mixed(t)) continue;
    merged.back().open = [open, tensors = same_tensor(models, t)] { return open(tensors); };
  }
  return merged;
}

}  // namespace

Result<MergeInput> MergeInput::open(const Path& folder) {
  std::error_code unreadable;
  if (std::filesystem::is_regular_file(folder, unreadable)) {
    return fail("{}: is a file; merging reads Hugging Face folders: r1 convert {} FOLDER",
                folder.string(), folder.string());
  }
  MergeInput input;
  input.path = folder;
  R1_TRY(input.assets, read_assets(folder));
  R1_TRY(input.config, open_config(folder));
  R1_TRY(input.source, Source::open(folder));
  const Transformer plan(input.config, Dtype::kF32, StoreUse::kPlan);
  auto fits = compare_names(plan, input.source);
  if (!fits) return fail_with(fits.error().with(folder.string()));
  return input;
}

Result<std::vector<MergedTensor>> merge_adapter(const MergeInput& base,
                                                const PeftAdapter& adapter) {
  std::vector<MergedTensor> merged;
  std::vector<std::string> left = adapter.modules();  // sorted
  for (const StoredTensor& t : base.source.tensors()) {
    if (t.is_consumed) continue;
    merged.push_back(unchanged(t));
    const std::string module = t.name.substr(0, t.name.rfind('.'));
    const auto at = std::ranges::find(left, module);
    if (!t.name.ends_with(".weight") || at == left.end() || !can_be_mixed(t)) continue;
    left.erase(at);
    merged.back().open = [&adapter, &t, module]() -> Result<RowMaker> {
      R1_TRY(std::optional<LowRank> read, adapter.read(module));
      CHECK(read.has_value(), "{}", module);
      const auto low_rank = std::make_shared<const LowRank>(std::move(*read));
      return [&t, low_rank](int64_t begin, int64_t end, float* to) -> Result<void> {
        R1_RETURN_IF_ERROR(read_floats(t, begin, end, to));
        low_rank->add_to(to, begin, end);
        return {};
      };
    };
  }
  std::string unfit;
  for (const std::string& module : left) unfit += "\n  the base has no " + module + ".weight";
  for (const std::string& module : adapter.modules()) {
    const StoredTensor* t = base.source.find(module + ".weight");
    if (!t) continue;
    R1_TRY(const std::optional<LowRank> pair, adapter.read(module));
    if (!pair || t->shape == std::vector<int64_t>{pair->out, pair->in}) continue;
    unfit += fmt::format("\n  {} is for a weight of ({}, {}), the base has {}", module, pair->out,
                         pair->in, t->shape_text());
  }
  if (unfit.empty()) return merged;
  return fail("the adapter does not fit {}; give the base that it was trained on:{}",
              base.path.string(), unfit);
}

Result<void> compare_models(const std::vector<MergeInput>& models) {
  std::string differences;
  for (size_t m = 1; m < models.size(); ++m) {
    differences += config_differences(models[0], models[m]);
    differences += tensor_differences(models[0], models[m]);
  }
  if (differences.empty()) return {};
  return fail("only equal models can be merged; these differ from {}:{}", models[0].path.string(),
              differences);
}

Result<std::vector<MergedTensor>> merge_linear(const std::vector<MergeInput>& models,
                                               std::vector<double> weights) {
  if (models.size() < 2)
    return fail("linear merging takes two models or more, not {}", models.size());
  if (weights.empty()) weights.assign(models.size(), 1.0);
  if (weights.size() != models.size()) {
    return fail("{} weights for {} models; give one each", weights.size(), models.size());
  }
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (!(sum > 0) || !std::isfinite(sum))
    return fail("the weights add up to {}; it must be positive", sum);
  R1_RETURN_IF_ERROR(compare_models(models));
  std::vector<float> factors;
  for (const double weight : weights) factors.push_back(static_cast<float>(weight / sum));
  return merge_all(models, [factors](const std::vector<const StoredTensor*>& tensors) {
    return Result<RowMaker>(mix(tensors, factors));
  });
}

Result<std::vector<MergedTensor>> merge_slerp(const std::vector<MergeInput>& models, double t,
                                              ThreadPool& pool) {
  if (models.size() != 2) return fail("slerp takes two models, not {}", models.size());
  if (!(t >= 0 && t <= 1)) return fail("t {}: it must be from 0 to 1", t);
  R1_RETURN_IF_ERROR(compare_models(models));
  return merge_all(models,
                   [t, &pool](const std::vector<const StoredTensor*>& tensors) -> Result<RowMaker> {
                     R1_TRY(const Products p, products(*tensors[0], *tensors[1], pool));
                     return mix(tensors, slerp_factors(p, t));
                   });
}

}  // namespace r1
