// What r1 plan says of a model alone: parameters, cache, FLOPs.
#include <algorithm>
#include <map>

#include "cli/plan_config.h"
#include "models/family.h"
#include "models/published.h"

namespace r1 {
namespace {

/// What is said elsewhere about these models, and how it is to be read.
const std::map<std::string, std::vector<std::string>> kReadings{
    {"deepseek-v3",
     {"published: 671B, 37B activated [DeepSeek-V3 report, abstract]: the main model, embedding "
      "and "
      "head counted",
      "published: 36.7B activated with embedding and head [README_WEIGHTS]: the figure without the "
      "embedding table",
      "published: MTP 11.5B, 2.4B activated with embedding and head [README_WEIGHTS]: without its "
      "projection; 685B on the hub: all that is stored"}},
    {"deepseek-v2", {"published: 236B, 21B activated [DeepSeek-V2 report, abstract]"}},
    {"deepseek-v2-lite", {"published: 15.7B, 2.4B activated [DeepSeek-V2 report, appendix B]"}}};

std::string plain(double n) { return with_commas(static_cast<int64_t>(n)); }

/// Where the count of a part comes from, in the config's own words.
std::pair<std::string, std::string> part_formula(const ModelShape& s, const std::string& part) {
  const ModelConfig& c = s.config;
  const int64_t C = c.d_model, n_sparse = std::ranges::count(c.moe.sparse, true);
  const std::string layers = std::to_string(c.n_layers);
  if (part == "embedding" || part == "head") {
    return {"vocabulary × width", fmt::format("{} × {}", c.vocab_size, C)};
  }
  if (part == "attention") {
    const BlockCount& b = s.blocks.front();
    return {"layers × (matrices of heads + matrices down to latents)",
            fmt::format("{} × ({} + {})", layers, b.heads, b.latents)};
  }
  if (part == "mlp") {
    return {"dense layers × 3 × width × d_ff",
            fmt::format("{} × 3 × {} × {}", c.n_layers - n_sparse, C, c.d_ff)};
  }
  if (part == "experts") {
    return {"layers × experts × 3 × width × d_ff of one",
            fmt::format("{} × {} × 3 × {} × {}; per token {} of them", n_sparse,
                        c.moe.routing.n_experts, C, c.moe.d_ff, c.moe.routing.top_k)};
  }
  if (part == "shared experts") {
    return {"layers × 3 × width × their d_ff together",
            fmt::format("{} × 3 × {} × {}", n_sparse, C, c.moe.shared_d_ff)};
  }
  if (part == "router") {
    return {"layers × (experts × width + biases)",
            fmt::format("{} × ({} × {} + {})", n_sparse, c.moe.routing.n_experts, C,
                        c.moe.correction_bias ? c.moe.routing.n_experts : 0)};
  }
  return {"each vector of the model's own list of parameters", ""};
}

void add_mtp(const ModelShape& s, Section& section) {
  const BlockCount& m = s.mtp;
  const std::string block =
      fmt::format("({} + 2 × {}² + 3 × {})", m.total() - m.projection - 3 * s.config.d_model,
                  s.config.d_model, s.config.d_model);
  section.rows.push_back(
      {"mtp",
       fmt::format("MTP, {} module{}", s.n_mtp(), s.n_mtp() > 1 ? "s" : ""),
       {because(exact(s.mtp_total()), "modules × (a block + projection + three norms)",
                fmt::format("{} × {}", s.n_mtp(), block),
                "DeepSeek-V3, section 2.2; embedding and head are the model's own"),
        because(exact(s.mtp_activated()), "the same with the experts of one token", "")}});
  section.rows.push_back({"with_mtp",
                          "main model and MTP",
                          {because(exact(s.total() + s.mtp_total()), "main + MTP",
                                   fmt::format("{} + {}", s.total(), s.mtp_total()))}});
  section.rows.push_back(
      {"stored",
       "stored, embedding and head once more",
       {because(exact(s.stored_total()), "main + MTP + modules × (embedding + head)",
                fmt::format("{} + {} + {} × ({} + {})", s.total(), s.mtp_total(), s.n_mtp(),
                            s.embedding, s.head),
                "checkpoints repeat both in each module")}});
}

/// One line of the table of FLOPs: forward, backward, both.
Row flop_row(const char* key, std::string label, double forward, std::string formula,
             std::string numbers) {
  return {key,
          std::move(label),
          {because(flop(forward), std::move(formula), std::move(numbers)),
           because(flop(2 * forward), "2 × forward: gradients of both factors", ""),
           because(flop(3 * forward), "forward + backward", "")}};
}

void add_total(const ModelShape& s, const PlanRequest& r, Section& section) {
  const double T = static_cast<double>(r.layout.length);
  for (const bool full : {false, true}) {
    const double each = s.flops.train(T, full);
    section.rows.push_back(
        {full ? "total_full" : "total",
         fmt::format("{} tokens, {}", short_count(r.tokens), full ? "whole square" : "causal"),
         {{},
          {},
          because(flop(r.tokens * each), "tokens × FLOPs of one",
                  fmt::format("{:.4g} × {:.4g}", r.tokens, each))}});
  }
}

double cache_bytes(const ModelConfig& c, int64_t elements, double bits) {
  return static_cast<double>(elements * c.n_layers) * bits / 8;
}

}  // namespace

Section parameter_section(const ModelShape& s) {
  Section section{"parameters", "parameters", {"total", "per token"}, {}, {}};
  for (const PartCount& part : s.parts) {
    const auto [formula, numbers] = part_formula(s, part.name);
    section.rows.push_back(
        {part.name,
         part.name,
         {because(exact(part.total), formula, numbers, "config.json"),
          because(exact(part.activated),
                  part.name == "experts" ? "total / experts × those of a token" : "all of them",
                  "")}});
  }
  section.rows.push_back({"main",
                          "main model",
                          {because(exact(s.total()), "sum of the above", ""),
                           because(exact(s.activated()), "sum of the above", "")}});
  section.rows.push_back(
      {"multiplied",
       "without the embedding table",
       {because(exact(s.total() - (s.head > 0 ? s.embedding : 0)), "main - embedding",
                s.head > 0 ? fmt::format("{} - {}", s.total(), s.embedding)
                           : "the table is also the head, which multiplies"),
        because(exact(s.multiplied()), "the same: N of 6 N; a token only looks up a row", "")}});
  if (s.n_mtp() > 0) add_mtp(s, section);
  return section;
}

Result<Section> cache_section(const ModelShape& s, const PlanRequest& r) {
  const double bits = r.options.cache_bits;
  Section section{"cache",
                  fmt::format("cache of a token ({:g} bits)", bits),
                  {"elements a layer", "bytes", "to this model's", "reduction"},
                  {},
                  {}};
  const std::vector<CacheForm> forms = cache_forms(s.config);
  const double own = cache_bytes(s.config, forms[0].elements, bits);
  const auto add = [&](const std::string& key, const std::string& label, const CacheForm& form,
                       const ModelConfig& c, double form_bits) {
    const double n = cache_bytes(c, form.elements, form_bits);
    Row row{key, label, {because(exact(form.elements), form.formula, form.numbers)}};
    row.cells.push_back(
        because(exact(static_cast<int64_t>(n)), "elements × layers × bits / 8",
                fmt::format("{} × {} × {:g} / 8", form.elements, c.n_layers, form_bits)));
    if (key != forms[0].key) {
      row.cells.push_back(because(times(n / own), "its bytes / this model's",
                                  fmt::format("{} / {}", plain(n), plain(own))));
      if (own < n) {
        row.cells.push_back(because(percent(1 - own / n), "1 - this model's / its",
                                    fmt::format("1 - {} / {}", plain(own), plain(n))));
      }
    }
    section.rows.push_back(std::move(row));
  };
  for (const CacheForm& form : forms) add(form.key, form.name, form, s.config, bits);
  for (const std::string& name : r.options.compare) {
    R1_TRY(const std::string json, published_config(name));
    R1_TRY(const ModelConfig other, read_model_config(json));
    add(name, fmt::format("{} (16 bits)", name), cache_forms(other)[0], other, 16);
  }
  if (s.config.is_mla()) {
    const MlaConfig& m = s.config.mla;
    section.notes.push_back(fmt::format(
        "as large as GQA with {:.4g} groups [DeepSeek-V2, table 1: 2.25]",
        static_cast<double>(forms[0].elements) / static_cast<double>(2 * m.v_head_dim)));
  }
  return section;
}

Section flop_section(const ModelShape& s, const PlanRequest& r) {
  const double T = static_cast<double>(r.layout.length);
  Section section{"flops", "FLOPs of a token", {"forward", "backward", "training"}, {}, {}};
  const TokenFlops& f = s.flops;
  const auto add = [&](const char* key, const char* label, double flops) {
    if (flops == 0) return;
    section.rows.push_back(flop_row(key, label, flops, "2 × parameters that one token meets",
                                    fmt::format("2 × {}", plain(flops / 2))));
  };
  add("attention", "attention, projections", f.attention);
  section.rows.push_back(flop_row(
      "scores", fmt::format("attention, {:g} keys of {:g}", (T + 1) / 2, T),
      f.per_key * (T + 1) / 2, "2 × layers × heads × (key + value width) × (length + 1) / 2",
      fmt::format("{} × ({} + 1) / 2", plain(f.per_key), plain(T))));
  add("mlp", "dense layers", f.mlp);
  add("experts", "experts", f.experts);
  add("shared", "shared experts", f.shared);
  add("router", "router", f.router);
  add("head", "head", f.head);
  section.rows.push_back(
      flop_row("causal", "main model, causal", f.forward(T, false), "sum of the above", ""));
  section.rows.push_back(
      flop_row("full", "main model, whole square", f.forward(T, true),
               "the same with all keys of the sequence",
               fmt::format("{} + {} × {}", plain(f.matrices()), plain(f.per_key), plain(T))));
  if (s.n_mtp() > 0) {
    section.rows.push_back(flop_row("mtp", "MTP, causal", s.mtp_flops.forward(T, false),
                                    "its block, projection and the head again", ""));
  }
  const double N = static_cast<double>(s.multiplied());
  section.rows.push_back({"six_n",
                          "6 N, for comparison",
                          {{},
                           {},
                           because(flop(6 * N), "6 × parameters per token, no embedding",
                                   fmt::format("6 × {}", plain(N)))}});
  if (r.tokens > 0) add_total(s, r, section);
  return section;
}

std::vector<std::string> published_readings(const std::string& name) {
  const auto found = kReadings.find(name);
  return found == kReadings.end() ? std::vector<std::string>{} : found->second;
}

}  // namespace r1
