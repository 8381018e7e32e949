#include "models/gguf_export.h"

#include <algorithm>

#include "base/log.h"
#include "checkpoint/gguf.h"
#include "checkpoint/stream.h"
#include "models/gguf_config.h"
#include "models/gguf_names.h"
#include "models/gguf_tokenizer.h"
#include "tensor/quant.h"

namespace r1 {
namespace {

bool is_k_format(StoredDtype dtype) {
  return dtype == StoredDtype::kQ4_K || dtype == StoredDtype::kQ5_K || dtype == StoredDtype::kQ6_K;
}

/// What a matrix keeps when no type is asked for. K formats can be copied but not made.
StoredDtype own_dtype(const GgufRecipe& recipe) {
  const StoredDtype dtype = recipe.sources[0]->dtype;
  const bool is_copied =
      recipe.kind == GgufRecipe::Kind::kRows || recipe.kind == GgufRecipe::Kind::kRopePairs;
  const bool is_uniform = std::ranges::all_of(recipe.sources, [&](const StoredTensor* source) {
    return source->dtype == dtype && source->order.kind != RowOrder::Kind::kSplitKeysValues;
  });
  if (is_k_format(dtype) && !(is_copied && is_uniform)) return StoredDtype::kQ8_0;
  if (dtype == StoredDtype::kF8E4M3 || dtype == StoredDtype::kF8E5M2) return StoredDtype::kBF16;
  return dtype == StoredDtype::kF64 ? StoredDtype::kF32 : dtype;
}

StoredDtype dtype_of(const GgufRecipe& recipe, std::optional<StoredDtype> wanted) {
  const bool is_router = recipe.name.ends_with(".ffn_gate_inp.weight");
  if (recipe.shape.size() == 1 || is_router) return StoredDtype::kF32;
  const StoredDtype dtype = wanted.value_or(own_dtype(recipe));
  const bool is_vocabulary = recipe.name == "token_embd.weight" || recipe.name == "output.weight";
  if (dtype == StoredDtype::kQ4_0 && wanted && is_vocabulary) return StoredDtype::kQ8_0;
  const auto format = block_format(dtype);
  if (format && recipe.shape.back() % block_elements(*format) != 0) return StoredDtype::kF16;
  return dtype;
}

/// general.file_type: a number of llama.cpp's, for people.
int64_t file_type_of(StoredDtype dtype) {
  switch (dtype) {
    case StoredDtype::kF32:
      return 0;
    case StoredDtype::kQ4_0:
      return 2;
    case StoredDtype::kQ8_0:
      return 7;
    case StoredDtype::kQ4_K:
      return 15;
    case StoredDtype::kQ5_K:
      return 17;
    case StoredDtype::kQ6_K:
      return 18;
    case StoredDtype::kBF16:
      return 32;
    default:
      return 1;
  }
}

/// A view of f32 rows in memory.
StoredTensor view_of(const std::string& name, std::span<const float> values, int64_t cols) {
  const auto rows = static_cast<int64_t>(values.size()) / cols;
  return {name, StoredDtype::kF32, {rows, cols}, std::as_bytes(values)};
}

Result<void> stream_rope_pairs(const GgufRecipe& recipe, StoredDtype as, const ByteSink& sink) {
  const StoredTensor& source = *recipe.sources[0];
  const int64_t n_head = recipe.head_rows, n_bytes = stored_bytes(as, source.row_elements());
  std::vector<std::byte> head(n_head * n_bytes);
  for (int64_t begin = 0; begin < source.rows(); begin += n_head) {
    for (int64_t r = 0; r < n_head; ++r) {  // row 2i + j of the file is row j * half + i
      const int64_t row = begin + r % 2 * (n_head / 2) + r / 2;
      R1_RETURN_IF_ERROR(read_rows_as(source, row, row + 1, as, head.data() + r * n_bytes));
    }
    R1_RETURN_IF_ERROR(sink(head));
    release_rows(source, begin, begin + n_head);
  }
  return {};
}

/// Each head's key rows (nope, R) turned into (R, nope).
Result<void> stream_keys(const GgufRecipe& recipe, StoredDtype as, ThreadPool& pool,
                         const ByteSink& sink) {
  const StoredTensor& source = *recipe.sources[0];
  const int64_t n_keys = recipe.key_rows, R = source.row_elements();
  std::vector<float> rows(n_keys * R), turned(rows.size());
  for (int64_t begin = 0; begin < source.rows(); begin += recipe.head_rows) {
    const Tensor to(rows.data(), Dtype::kF32, {n_keys, R});
    R1_RETURN_IF_ERROR(read_rows(source, begin, begin + n_keys, to));
    for (int64_t n = 0; n < n_keys; ++n) {
      for (int64_t c = 0; c < R; ++c) turned[c * n_keys + n] = rows[n * R + c];
    }
    R1_RETURN_IF_ERROR(stream_rows(view_of(recipe.name, turned, n_keys), 0, R, as, pool, sink));
  }
  return {};
}

Result<void> stream_recipe(const GgufRecipe& recipe, StoredDtype as, ThreadPool& pool,
                           const ByteSink& sink) {
  switch (recipe.kind) {
    case GgufRecipe::Kind::kNumbers:
      return sink(std::as_bytes(std::span(recipe.numbers)));
    case GgufRecipe::Kind::kRopePairs:
      return stream_rope_pairs(recipe, as, sink);
    case GgufRecipe::Kind::kKeys:
      return stream_keys(recipe, as, pool, sink);
    case GgufRecipe::Kind::kValues:
      for (int64_t begin = 0; begin < recipe.sources[0]->rows(); begin += recipe.head_rows) {
        R1_RETURN_IF_ERROR(stream_rows(*recipe.sources[0], begin + recipe.key_rows,
                                       begin + recipe.head_rows, as, pool, sink));
      }
      return {};
    case GgufRecipe::Kind::kRows:
      break;
  }
  for (const StoredTensor* source : recipe.sources) {
    R1_RETURN_IF_ERROR(stream_rows(*source, 0, source->rows(), as, pool, sink));
  }
  return {};
}

Result<GgufMetadata> metadata_of(const ModelAssets& assets, const Source& source,
                                 const GgufExport& options, StoredDtype main_dtype) {
  R1_TRY(GgufMetadata metadata,
         gguf_metadata_of_config(assets.at("config.json"), options.keeps_mtp));
  if (!options.name.empty()) metadata.set("general.name", GgufValue::text(options.name));
  metadata.set("general.type", GgufValue::text("model"));
  metadata.set("general.file_type", GgufValue::u32(file_type_of(main_dtype)));
  if (block_format(main_dtype)) {
    metadata.set("general.quantization_version", GgufValue::u32(2));
  }
  const StoredTensor* embedding = source.find("model.embed_tokens.weight");
  if (embedding == nullptr) return fail("the weights have no model.embed_tokens.weight");
  const std::string* architecture = metadata.text("general.architecture");
  metadata.set(*architecture + ".vocab_size", GgufValue::u32(embedding->rows()));
  R1_RETURN_IF_ERROR(add_tokenizer_metadata(assets, embedding->rows(), metadata));
  return metadata;
}

/// The type of most of the bytes: what the file is called after.
StoredDtype main_dtype(const std::vector<GgufTensor>& tensors) {
  std::map<StoredDtype, int64_t> n_bytes;
  for (const GgufTensor& tensor : tensors) n_bytes[tensor.dtype] += tensor.bytes();
  return std::ranges::max_element(n_bytes, {}, [](const auto& e) { return e.second; })->first;
}

}  // namespace

Result<void> write_gguf(const Path& file, const ModelAssets& assets, const Source& source,
                        const GgufExport& options, ThreadPool& pool,
                        const std::function<void(int64_t done, int64_t total)>& written) {
  if (!assets.contains("config.json")) return fail("the model has no config.json");
  R1_TRY(const GgufShape shape, read_gguf_shape(assets.at("config.json")));
  R1_TRY(const auto recipes, gguf_recipes(shape, source, options.keeps_mtp));
  if (shape.n_nextn > 0 && !options.keeps_mtp) {
    log_info("MTP blocks left out: {}; llama.cpp refuses them in {} files (--keep_mtp)",
             shape.n_nextn, shape.architecture);
  }
  std::vector<GgufTensor> tensors;
  int64_t total = 0, done = 0;
  for (const GgufRecipe& recipe : recipes) {
    tensors.push_back({recipe.name, dtype_of(recipe, options.dtype), recipe.shape});
    total += tensors.back().bytes();
  }
  if (tensors.empty()) return fail("the model has no weights");
  R1_TRY(const GgufMetadata metadata, metadata_of(assets, source, options, main_dtype(tensors)));
  R1_TRY(GgufWriter writer, GgufWriter::create(file, metadata, tensors));
  const ByteSink sink = [&](std::span<const std::byte> bytes) {
    done += static_cast<int64_t>(bytes.size());
    written(done, total);
    return writer.write(bytes);
  };
  for (size_t i = 0; i < recipes.size(); ++i) {
    R1_RETURN_IF_ERROR(stream_recipe(recipes[i], tensors[i].dtype, pool, sink));
  }
  return writer.commit();
}

}  // namespace r1
