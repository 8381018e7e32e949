#include "models/load_weights.h"

#include <algorithm>
#include <mutex>

#include "tensor/quant.h"

namespace r1 {
namespace {

std::string dims(const std::vector<int64_t>& shape) {
  std::string text;
  for (int64_t d : shape) text += (text.empty() ? "(" : ", ") + std::to_string(d);
  return text + ")";
}

/// Tensors that may be there without a parameter.
bool is_ignored(const StoredTensor& tensor, const Transformer& model) {
  const ModelConfig& config = model.config();
  const bool is_mtp_in_use = !model.mtp().empty() && !repeats_words(tensor.name, config);
  return tensor.is_consumed || (is_mtp(tensor.name, config) && !is_mtp_in_use) ||
         tensor.name.find("rotary_emb.inv_freq") != std::string::npos ||
         (tensor.name == "lm_head.weight" && config.tie_word_embeddings);
}

constexpr int64_t kRowsAtOnce = 256;  // what one thread reads before it lets the pages go

/// Some rows of one parameter.
struct Piece {
  const Parameter* parameter;
  const StoredTensor* stored;
  int64_t begin, end;
  PanelGroup group;
};

std::vector<Piece> cut(const Transformer& model, const Source& source) {
  std::vector<Piece> pieces;
  for (const Parameter* p : model.store().parameters()) {
    if (!source.find(p->name)) continue;  // the new head of a model that will score: zero
    for (int64_t i = 0; i < p->n_groups(); ++i) {
      const PanelGroup group = p->group(i);
      const int64_t last = p->n_groups() == 1 ? p->shape[0] : group.first_row + group.panels.N;
      for (int64_t begin = group.first_row; begin < last; begin += kRowsAtOnce) {
        const int64_t end = std::min(last, begin + kRowsAtOnce);
        pieces.push_back({p, source.find(p->name), begin, end, group});
      }
    }
  }
  return pieces;
}

/// The rows as panels want them: in the file itself when they lie there so, else in `memory`.
Result<const void*> rows_for_panel(const Piece& piece, int64_t begin, int64_t end,
                                   std::vector<std::byte>& memory) {
  const PackedMatrix& panels = piece.parameter->panels;
  const StoredTensor& stored = *piece.stored;
  if (panels.dtype == Dtype::kQ8_0 || panels.dtype == Dtype::kQ4_0) {
    const BlockFormat format =
        panels.dtype == Dtype::kQ8_0 ? BlockFormat::kQ8_0 : BlockFormat::kQ4_0;
    memory.resize(static_cast<size_t>((end - begin) * panels.K / block_elements(format) *
                                      block_bytes(format)));
    R1_RETURN_IF_ERROR(read_row_blocks(stored, begin, end, format, memory.data()));
    return memory.data();
  }
  const int64_t size = dtype_size(panels.dtype);
  const std::byte* there = stored.bytes.data() + begin * panels.K * size;
  const bool plain = stored.dtype == stored_dtype(panels.dtype) &&
                     stored.order.kind == RowOrder::Kind::kPlain && stored.scale.empty();
  if (plain && reinterpret_cast<uintptr_t>(there) % static_cast<size_t>(size) == 0) return there;
  memory.resize(static_cast<size_t>((end - begin) * panels.K * size));
  Tensor rows(memory.data(), panels.dtype, {end - begin, panels.K});
  R1_RETURN_IF_ERROR(read_rows(stored, begin, end, rows));
  return memory.data();
}

Result<void> read_panels(const Piece& piece, Backend backend, std::vector<std::byte>& memory) {
  for (int64_t begin = piece.begin; begin < piece.end; begin += kPanel) {
    const int64_t end = std::min(piece.end, begin + kPanel);
    R1_TRY(const void* rows, rows_for_panel(piece, begin, end, memory));
    const PanelGroup& group = piece.group;
    gemm_pack_panel(backend, group.panels, (begin - group.first_row) / kPanel, rows, end - begin);
  }
  return {};
}

Result<void> read_piece(const Piece& piece, Backend backend, std::vector<std::byte>& memory) {
  const Parameter& p = *piece.parameter;
  if (p.only_panels()) {
    R1_RETURN_IF_ERROR(read_panels(piece, backend, memory));
  } else {
    const Tensor whole = p.master.empty() ? p.weight : p.master;
    const int64_t width = p.numel() / p.shape[0];
    Tensor rows(static_cast<std::byte*>(whole.data) + piece.begin * width * dtype_size(whole.dtype),
                whole.dtype, {piece.end - piece.begin, width});
    R1_RETURN_IF_ERROR(read_rows(*piece.stored, piece.begin, piece.end, rows));
  }
  release_rows(*piece.stored, piece.begin, piece.end);
  return {};
}

}  // namespace

bool is_mtp(const std::string& name, const ModelConfig& config) {
  constexpr std::string_view kPrefix = "model.layers.";
  if (!name.starts_with(kPrefix) || config.n_mtp_layers == 0) return false;
  const int64_t layer = std::atoll(name.c_str() + kPrefix.size());
  return layer >= config.n_layers && layer < config.n_layers + config.n_mtp_layers;
}

bool repeats_words(const std::string& name, const ModelConfig& config) {
  return is_mtp(name, config) &&
         (name.ends_with(".embed_tokens.weight") || name.ends_with(".shared_head.head.weight"));
}

Result<void> compare_names(const Transformer& model, const Source& source) {
  std::string missing, misshapen, unexpected;
  std::vector<std::string> known;
  for (const Parameter* p : model.store().parameters()) {
    known.push_back(p->name);
    const StoredTensor* stored = source.find(p->name);
    if (!stored) {
      missing += "\n  missing: " + p->name;
    } else if (stored->shape != p->shape) {
      misshapen += fmt::format("\n  {}: has shape {}, config.json asks for {}", p->name,
                               stored->shape_text(), dims(p->shape));
    }
  }
  std::sort(known.begin(), known.end());
  for (const StoredTensor& tensor : source.tensors()) {
    if (!is_ignored(tensor, model) &&
        !std::binary_search(known.begin(), known.end(), tensor.name)) {
      unexpected += "\n  unexpected: " + tensor.name;
    }
  }
  const std::string all = missing + misshapen + unexpected;
  if (all.empty()) return {};
  return fail("weights do not fit config.json; copy both files from the same model:{}", all);
}

Result<void> read_weights(Transformer& model, const Source& source, const Launch& launch) {
  const std::vector<Piece> pieces = cut(model, source);
  std::mutex mutex;
  Result<void> first;
  launch.pool->parallel_for(static_cast<int64_t>(pieces.size()), 1,
                            [&](int64_t begin, int64_t end) {
                              std::vector<std::byte> memory;
                              for (int64_t i = begin; i < end; ++i) {
                                auto read = read_piece(pieces[i], launch.backend, memory);
                                if (read) continue;
                                const std::lock_guard lock(mutex);
                                if (first) first = fail_with(read.error());
                              }
                            });
  return first;
}

}  // namespace r1
