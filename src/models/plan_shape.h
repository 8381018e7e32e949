// What a model is made of, layer by layer: the counts that planning memory, work and price needs.
#pragma once

#include <string>
#include <vector>

#include "models/describe.h"

namespace r1 {

/// One block's parameters, by how devices share them.
struct BlockCount {
  int64_t heads = 0;    // attention matrices that belong to heads
  int64_t latents = 0;  // attention matrices down to the latents of MLA
  int64_t mlp = 0, experts = 0, shared = 0, router = 0;
  int64_t projection = 0;  // of an MTP module: both inputs into one
  int64_t vectors = 0;     // norms, biases of layers and of routers

  int64_t total() const;
};

/// Multiply-adds × 2 of the forward pass of one token; ..._key: for each key that it looks at.
struct TokenFlops {
  double attention = 0, mlp = 0, experts = 0, shared = 0, router = 0, head = 0;
  double per_key = 0;

  double matrices() const { return attention + mlp + experts + shared + router + head; }
  /// Of tokens in a sequence of this length, on the average. full: as many keys as the sequence has
  /// (the whole square, as most published shares of peak count it); otherwise (length + 1) / 2.
  double forward(double length, bool full) const {
    return matrices() + per_key * (full ? length : (length + 1) / 2);
  }
  /// With the gradients of both factors of each product.
  double train(double length, bool full) const { return 3 * forward(length, full); }
};

struct ModelShape {
  explicit ModelShape(const ModelConfig& config);

  ModelConfig config;
  std::vector<PartCount> parts;    // of the main model
  std::vector<BlockCount> blocks;  // n_layers of them
  BlockCount mtp;                  // one module; embedding and head are the model's own
  int64_t embedding = 0, head = 0, final_norm = 0;  // head 0: the embedding is also the head
  TokenFlops flops, mtp_flops;  // of the main model; of all modules, each with the head again

  int64_t n_mtp() const { return config.n_mtp_layers; }
  int64_t total() const { return sum_of(parts).total; }
  int64_t activated() const { return sum_of(parts).activated; }
  /// That multiply: without the embedding table, where a token only looks up a row.
  int64_t multiplied() const { return activated() - (head > 0 ? embedding : 0); }
  int64_t mtp_total() const { return n_mtp() * mtp.total(); }
  int64_t mtp_activated() const;
  /// As a checkpoint that repeats embedding and head in each module stores it.
  int64_t stored_total() const { return total() + mtp_total() + n_mtp() * (embedding + head); }
};

/// What one token leaves in the cache of one layer, in elements.
struct CacheForm {
  std::string key, name, formula, numbers;
  int64_t elements = 0;
};
/// The model's own form first, then what its heads would need otherwise.
std::vector<CacheForm> cache_forms(const ModelConfig& config);

}  // namespace r1
