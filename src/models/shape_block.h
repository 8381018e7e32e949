// Gives the parts of one block the shapes that a config asks for.
#pragma once

#include "models/config.h"
#include "nn/block.h"

namespace r1 {

/// Shapes only: parameters have no memory yet. The table must outlive the block.
void shape_block(Block& block, const ModelConfig& config, int64_t layer,
                 const RopeTable& rope_table);

}  // namespace r1
