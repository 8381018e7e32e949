// The tokenizer of a model: tokenizer.json and its companions, or the metadata of a GGUF file.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "checkpoint/gguf.h"
#include "models/model_io.h"

namespace r1 {

/// Adds tokenizer.* keys from tokenizer.json, tokenizer_config.json, generation_config.json and
/// chat_template.jinja. A tokenizer that the keys cannot say fully is stored whole too, as
/// tokenizer.huggingface.json. vocab_size: rows of the embedding; ids without a token are padded.
Result<void> add_tokenizer_metadata(const ModelAssets& assets, int64_t vocab_size,
                                    GgufMetadata& metadata);

/// Adds those files from the keys. A file without a vocabulary adds none; an unknown
/// tokenizer.ggml.pre or model is refused by name.
Result<void> add_tokenizer_assets(const GgufMetadata& metadata, ModelAssets& assets);

/// tokenizer.json from tokenizer.ggml.*, even where tokenizer.huggingface.json is there.
Result<std::string> tokenizer_json_of_gguf(const GgufMetadata& metadata);

}  // namespace r1
