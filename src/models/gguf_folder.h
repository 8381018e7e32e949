// A GGUF file opened as a Hugging Face folder: the small files as text, the tensors by their
// Hugging Face names.
#pragma once

#include "base/file.h"
#include "checkpoint/source.h"
#include "models/model_io.h"

namespace r1 {

struct GgufFolder {
  ModelAssets assets;  // config.json, tokenizer.json, tokenizer_config.json, generation_config.json
  Source source;
};

/// Architectures llama, qwen2, qwen3, qwen3moe and deepseek2; others are refused by name.
Result<GgufFolder> open_gguf(const Path& file);

}  // namespace r1
