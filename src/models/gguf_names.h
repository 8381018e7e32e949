// The tensors of a GGUF file and of a Hugging Face folder: names, merged experts, row orders.
#pragma once

#include <string>
#include <vector>

#include "checkpoint/gguf.h"
#include "checkpoint/source.h"
#include "models/gguf_config.h"

namespace r1 {

/// Views of a GGUF file's tensors under their Hugging Face names: experts apart, rotary rows in
/// order, split key and value projections as one. What has no name is listed in one error.
Result<std::vector<StoredTensor>> hugging_face_tensors(const GgufShape& shape,
                                                       const std::vector<StoredTensor>& tensors);

/// How a tensor of a GGUF file is made of a Hugging Face folder's.
struct GgufRecipe {
  enum class Kind {
    kRows,       // as they are; several sources (experts) follow each other
    kRopePairs,  // rotary rows in ggml's order
    kKeys,       // kv_b_proj's key rows, transposed in each head: (H, kv_lora_rank, nope)
    kValues,     // kv_b_proj's value rows: (H, v_head_dim, kv_lora_rank)
    kNumbers     // `numbers`
  };
  std::string name;
  std::vector<int64_t> shape;
  Kind kind = Kind::kRows;
  std::vector<const StoredTensor*> sources = {};
  std::vector<float> numbers = {};
  int64_t head_rows = 0, key_rows = 0;  // of kRopePairs; of kKeys and kValues
};

/// In the order in which the file will have them. keeps_nextn: with the MTP blocks. All that has no
/// place in GGUF is listed in one error.
Result<std::vector<GgufRecipe>> gguf_recipes(const GgufShape& shape, const Source& source,
                                             bool keeps_nextn);

}  // namespace r1
