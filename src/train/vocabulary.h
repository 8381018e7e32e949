// Whether two models say the same with the same token ids, as distilling logits needs.
#pragma once

#include "engine/chat.h"

namespace r1 {

/// The number of ids that both tokenizers use for the same tokens: logits are compared on these,
/// and rows that only pad an embedding are left out. Two different vocabularies are an error that
/// names both sizes and the remedy, distilling by text.
Result<int64_t> common_vocabulary(const Tokenizer& teacher, const Tokenizer& student);

}  // namespace r1
