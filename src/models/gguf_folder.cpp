#include "models/gguf_folder.h"

#include "checkpoint/gguf.h"
#include "models/gguf_config.h"
#include "models/gguf_names.h"
#include "models/gguf_tokenizer.h"

namespace r1 {
namespace {

const StoredTensor* find_tensor(const GgufContents& contents, std::string_view name) {
  for (const StoredTensor& tensor : contents.tensors) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

bool has_tensor_ending(const GgufContents& contents, std::string_view end) {
  for (const StoredTensor& tensor : contents.tensors) {
    if (tensor.name.ends_with(end)) return true;
  }
  return false;
}

const char* torch_dtype_of(StoredDtype dtype) {
  if (dtype == StoredDtype::kF32) return "float32";
  return dtype == StoredDtype::kF16 ? "float16" : "bfloat16";
}

Result<GgufFacts> read_facts(const GgufContents& contents) {
  const StoredTensor* embedding = find_tensor(contents, "token_embd.weight");
  if (embedding == nullptr || embedding->shape.size() != 2) {
    return fail("has no matrix 'token_embd.weight'; give a language model's file{}",
                contents.metadata.find("split.count") ? ", with its splits joined into one" : "");
  }
  GgufFacts facts;
  facts.vocab_size = embedding->shape[0];
  facts.is_tied = find_tensor(contents, "output.weight") == nullptr;
  facts.has_attention_bias = has_tensor_ending(contents, ".attn_q.bias");
  facts.has_router_bias = has_tensor_ending(contents, "exp_probs_b.bias") ||
                          has_tensor_ending(contents, ".exp_probs_b");
  facts.torch_dtype = torch_dtype_of(embedding->dtype);
  if (const StoredTensor* factors = find_tensor(contents, "rope_freqs.weight")) {
    facts.rope_factors.resize(factors->rows());
    const Tensor to(facts.rope_factors.data(), Dtype::kF32, {factors->rows()});
    if (factors->shape.size() != 1) return fail("tensor 'rope_freqs.weight' is no vector");
    R1_RETURN_IF_ERROR(read_into(*factors, to));
  }
  return facts;
}

Result<GgufFolder> open_contents(GgufFile file) {
  const GgufMetadata& metadata = file.contents.metadata;
  if (metadata.integer("split.count").value_or(1) > 1) {
    return fail("is one of {} splits; join them first: llama-gguf-split --merge",
                *metadata.integer("split.count"));
  }
  R1_TRY(const GgufFacts facts, read_facts(file.contents));
  GgufFolder folder;
  R1_TRY(folder.assets["config.json"], config_of_gguf_metadata(metadata, facts));
  R1_TRY(const GgufShape shape, read_gguf_shape(folder.assets["config.json"]));
  R1_RETURN_IF_ERROR(add_tokenizer_assets(metadata, folder.assets));
  R1_TRY(std::vector<StoredTensor> tensors, hugging_face_tensors(shape, file.contents.tensors));
  std::vector<MappedFile> files;
  files.push_back(std::move(file.file));
  folder.source = Source::of(std::move(files), std::move(tensors));
  return folder;
}

}  // namespace

Result<GgufFolder> open_gguf(const Path& file) {
  R1_TRY(GgufFile opened, GgufFile::open(file));
  auto folder = open_contents(std::move(opened));
  if (!folder) return fail_with(folder.error().with(file.string()));
  return folder;
}

}  // namespace r1
