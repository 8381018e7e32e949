// What r1 plan says of a run on many devices: bytes of each, idle time, speed, hours and price.
#include <cmath>

#include "cli/plan_config.h"

namespace r1 {
namespace {

const char* recompute_name(Recompute r) {
  return r == Recompute::kNone   ? "nothing recomputed"
         : r == Recompute::kFull ? "all recomputed"
                                 : "selectively recomputed";
}

std::string per_parameter(double n, int64_t parameters) {
  return fmt::format("{:.5g} × {}", n / static_cast<double>(std::max<int64_t>(1, parameters)),
                     with_commas(parameters));
}

std::string shard_words(const Layout& l, int least) {
  if (l.zero < least) return "bytes of one × parameters here";
  return "bytes of one / shards (dp; of experts dp × tp / ep; DualPipe: twice) × parameters here";
}

Row byte_row(const char* key, std::string label, double n, std::string formula, std::string numbers,
             std::string source = "") {
  return {key,
          std::move(label),
          {because(bytes(n), std::move(formula), std::move(numbers), std::move(source))}};
}

void add_activations(const ModelShape& shape, const Layout& layout, Section& section) {
  for (const Recompute r : {Recompute::kNone, Recompute::kSelective, Recompute::kFull}) {
    Layout other = layout;
    other.recompute = r;
    const double n = heaviest_stage(shape, other).bytes.activations;
    const double each = activation_bytes(shape.config, layout,
                                         shape.config.is_sparse(shape.config.n_layers - 1), r);
    section.rows.push_back(byte_row(
        r == Recompute::kNone   ? "activations_none"
        : r == Recompute::kFull ? "activations_full"
                                : "activations_selective",
        fmt::format("activations, {}{}", recompute_name(r),
                    r == layout.recompute ? " (counted)" : ""),
        n,
        fmt::format("in flight × {} × {} tokens × bytes of each block ({} a token in the last) + "
                    "logits in f32 + a block recomputed",
                    layout.micro_batch, layout.length, with_commas(std::llround(each))),
        "", "DeepSeek-V3, section 3.2.3"));
  }
}

/// Hours, days on all devices, price.
std::vector<Figure> time_cells(const PlanRequest& r, Figure device_hours) {
  const double n = device_hours.value, gpus = static_cast<double>(r.layout.gpus);
  Figure cost;
  if (r.device.price > 0) {
    cost = because(dollars(n * r.device.price), "hours × price",
                   fmt::format("{:.6g} × {}", n, r.device.price));
  }
  Figure on_all;
  if (r.options.gpus > 0) {
    on_all = because(days(n / gpus / 24), "hours / devices / 24",
                     fmt::format("{:.6g} / {} / 24", n, r.layout.gpus));
  }
  return {std::move(device_hours), on_all, cost};
}

/// FLOPs at the share of peak, whatever hours are stated.
Figure hours_by_flops(const ModelShape& s, const PlanRequest& r, double tokens, double length) {
  const double each = s.flops.train(length, true);
  const double peak = yardstick(r.device, r.layout.dtype);
  return because(
      hours(device_hours(s, r.device, r.layout.dtype, tokens, length, r.share.value)),
      "tokens × FLOPs (whole square) / (share × peak) / 3600",
      fmt::format("{:.6g} × {:.5g} / ({:.4g} × {:.5g}) / 3600", tokens, each, r.share.value, peak));
}

Row phase_row(const char* key, std::string label, double tokens, const PlanRequest& r,
              const Figure& device_hours, const Figure& by_flops) {
  Row row{key, std::move(label), {}};
  row.cells.push_back(tokens > 0 ? because(rounded(tokens), "given, or steps × sequences × length",
                                           fmt::format("{:.9g}", tokens))
                                 : Figure{});
  for (Figure& cell : time_cells(r, device_hours)) row.cells.push_back(std::move(cell));
  row.cells.push_back(by_flops);
  return row;
}

}  // namespace

Result<Figure> share_figure(const ModelShape& s, const PlanRequest& r) {
  const PlanConfig& o = r.options;
  const double T = static_cast<double>(r.layout.length);
  if (o.efficiency > 0) return given(percent(o.efficiency), "--efficiency");
  if (o.hours_per_trillion > 0) {
    const double rate = tokens_per_second(o.hours_per_trillion);
    return because(percent(share_of_peak(s, r.device, r.layout.dtype, T, rate, true)),
                   "FLOPs of a token × tokens/s of a device / peak",
                   fmt::format("{:.5g} × {:.5g} / {:.5g}", s.flops.train(T, true), rate,
                               yardstick(r.device, r.layout.dtype)));
  }
  const StatedRun& run = stated_run(r.layout.dtype, s.config.moe.routing.n_experts > 0);
  R1_TRY(const double share, stated_share(run));
  Figure figure =
      because(percent(share),
              fmt::format("what {} reached on {}: FLOPs × tokens/s / peak", run.model, run.device),
              fmt::format("10^12 tokens in {:.6g} hours", run.hours_per_trillion), run.source);
  return figure;
}

Section memory_section(const ModelShape& shape, const PlanRequest& r) {
  const Layout& l = r.layout;
  const StageMemory worst = heaviest_stage(shape, l);
  const DeviceBytes& b = worst.bytes;
  Section section{"memory", fmt::format("memory of the fullest device"), {"bytes"}, {}, {}};
  const auto add = [&](const char* key, const char* label, double n, const char* bytes_of_one,
                       std::string formula) {
    section.rows.push_back(byte_row(key, fmt::format("{}, {}", label, bytes_of_one), n,
                                    std::move(formula), per_parameter(n, b.parameters)));
  };
  const char* held = l.dtype == PlanDtype::kF32    ? "f32"
                     : l.dtype == PlanDtype::kBF16 ? "bf16"
                                                   : "fp8, bf16 outside linear layers";
  add("weights", "weights", b.weights, held, shard_words(l, 3));
  if (b.masters > 0) add("masters", "masters", b.masters, "f32", shard_words(l, 1));
  add("moments", "AdamW's two moments", b.moments, l.moment_bytes == 2 ? "bf16" : "f32",
      shard_words(l, 1));
  add("gradients", "gradients", b.gradients, l.gradient_bytes == 2 ? "bf16" : "f32",
      shard_words(l, 2));
  add_activations(shape, l, section);
  const double used = b.total(), there = r.device.memory;
  section.rows.push_back(
      byte_row("total", "together", used, "sum, with the activations counted", ""));
  section.rows.push_back(byte_row("device", "there is", there, "", "", r.device.source));
  section.rows.back().cells[0].given = true;
  section.rows.push_back({"used",
                          used <= there ? "it fits: used" : "it does NOT fit: used",
                          {because(percent(used / there), "together / there is", "")}});
  const CacheForm form = cache_forms(shape.config)[0];
  const double layers =
      std::ceil(static_cast<double>(shape.config.n_layers) / static_cast<double>(l.pp));
  section.rows.push_back(
      byte_row("kv_cache", "beside it, KV cache of one sequence",
               static_cast<double>(form.elements * l.length) * layers * r.options.cache_bits / 8,
               "elements × tokens × layers of a stage × bits / 8",
               fmt::format("{} × {} × {:g} × {:g} / 8", form.elements, l.length, layers,
                           r.options.cache_bits)));
  if (r.options.gpus == 0) {
    section.title = "memory, all on one device";
    const std::string advice = used > there ? advise(shape, l, there) : "";
    if (!advice.empty()) section.notes.push_back("it would fit with " + advice);
    return section;
  }
  section.notes.push_back(fmt::format("it has {}; pp {} x dp {} x tp {}, ep {}, zero {}",
                                      worst.blocks, l.pp, l.dp, l.tp, l.ep, l.zero));
  return section;
}

Section pipeline_section(const PlanRequest& r) {
  const int64_t m = r.layout.n_micro_batches();
  Section section{
      "pipeline",
      fmt::format("pipeline of {} stages", r.layout.pp),
      {"idle forwards", "share of a step", "copies of weights", "in flight"},
      {},
      {"a forward is that of one micro-batch in one stage; F = 1, B = 2, W = 1, F&B = 3"}};
  for (const Bubble& b : bubbles(r.layout)) {
    Row row{b.name,
            fmt::format("{}{}", b.name, b.schedule == r.layout.schedule ? " (chosen)" : ""),
            {because({b.idle, fmt::format("{:g}", b.idle)}, b.formula, b.numbers,
                     "DeepSeek-V3, table 2")}};
    row.cells.push_back(m > 0 ? because(percent(b.share), "idle / (idle + micro-batches × 3)",
                                        fmt::format("{:g} / ({:g} + {} × 3)", b.idle, b.idle, m))
                              : Figure{});
    row.cells.push_back(given(exact(b.copies), "DeepSeek-V3, table 2"));
    row.cells.push_back(given(exact(b.in_flight), "DeepSeek-V3, table 2"));
    section.rows.push_back(std::move(row));
  }
  if (m == 0) section.notes.push_back("give --batch for the share of a step");
  return section;
}

Section speed_section(const ModelShape& s, const PlanRequest& r) {
  const double T = static_cast<double>(r.layout.length), share = r.share.value;
  const double peak = yardstick(r.device, r.layout.dtype), full = s.flops.train(T, true);
  const double rate = share * peak / full, gpus = static_cast<double>(r.layout.gpus);
  const double causal = s.flops.train(T, false) * rate / peak;
  const double per_trillion = 1e12 / rate / 3600;
  Section section{"speed", fmt::format("speed ({})", r.device.title), {"value"}, {}, {}};
  const auto add = [&](const char* key, std::string label, Figure figure) {
    section.rows.push_back({key, std::move(label), {std::move(figure)}});
  };
  add("peak", fmt::format("peak FLOP/s ({})", r.layout.dtype == PlanDtype::kF32 ? "f32" : "bf16"),
      given(flop(peak), r.device.source));
  add("mfu", "share of peak, whole square", r.share);
  add("mfu_causal", "share of peak, causal",
      because(percent(causal), "share × causal FLOPs / FLOPs of the square",
              fmt::format("{:.4g} × {:.5g} / {:.5g}", share, s.flops.train(T, false), full)));
  add("tokens_per_second", "tokens a second and device",
      because(rounded(rate), "share × peak / FLOPs of a token",
              fmt::format("{:.4g} × {:.5g} / {:.5g}", share, peak, full)));
  add("hours_per_trillion", "device hours for 10^12 tokens",
      r.options.hours_per_trillion > 0
          ? given(hours(r.options.hours_per_trillion), "--hours_per_trillion")
          : because(hours(per_trillion), "10^12 / tokens a second / 3600",
                    fmt::format("10^12 / {:.6g} / 3600", rate)));
  if (r.options.gpus > 0)
    add("days_per_trillion", fmt::format("days for them on {} devices", r.layout.gpus),
        because(days(per_trillion / gpus / 24), "hours / devices / 24",
                fmt::format("{:.6g} / {} / 24", per_trillion, r.layout.gpus)));
  if (r.layout.batch > 0) {
    const double tokens = static_cast<double>(r.layout.batch) * T;
    add("step", fmt::format("a step of {} tokens", short_count(tokens)),
        because(seconds(tokens / rate / gpus), "tokens / (tokens a second × devices)",
                fmt::format("{:.6g} / ({:.6g} × {})", tokens, rate, r.layout.gpus)));
  }
  if (r.device.bandwidth > 0) {
    const double weight = r.layout.dtype == PlanDtype::kF32   ? 4
                          : r.layout.dtype == PlanDtype::kFP8 ? 1
                                                              : 2;
    const double cache =
        static_cast<double>(cache_forms(s.config)[0].elements * s.config.n_layers) *
        r.options.cache_bits / 8;
    const double read = static_cast<double>(s.multiplied()) * weight + cache * T;
    add("decode", "tokens a second of one sampled stream, at most",
        because(rounded(r.device.bandwidth / read), "bandwidth / (weights of a token + cache read)",
                fmt::format("{:.4g} / ({:.4g} + {:.4g} × {:g}), from one device's memory",
                            r.device.bandwidth, static_cast<double>(s.multiplied()) * weight, cache,
                            T)));
  }
  return section;
}

Section cost_section(const ModelShape& s, const PlanRequest& r) {
  const PlanConfig& o = r.options;
  Section section{
      "cost",
      r.device.price > 0 ? fmt::format("cost at ${:g} an hour", r.device.price) : "cost",
      {"tokens", "device hours", "days", "price", "hours by FLOPs"},
      {},
      {}};
  const double T = static_cast<double>(r.layout.length);
  const Figure main = hours_by_flops(s, r, r.tokens, T);
  Figure stated = main;
  if (o.hours_per_trillion > 0) {
    stated = because(hours(r.tokens / 1e12 * o.hours_per_trillion),
                     "tokens / 10^12 × stated hours per trillion",
                     fmt::format("{:.6g} × {:.6g}", r.tokens / 1e12, o.hours_per_trillion));
  }
  section.rows.push_back(phase_row("pretraining", "pre-training", r.tokens, r, stated, main));
  double total = stated.value, by_flops = main.value, tokens = 0, extension = 0;
  std::string terms;
  for (const PhaseSize& phase : r.phases) {
    tokens += phase.tokens();
    extension += hours_by_flops(s, r, phase.tokens(), phase.length).value;
    if (!terms.empty()) terms += " + ";
    terms += fmt::format("{:g} × {:g} × {:g} tokens at length {:g}", phase.steps, phase.sequences,
                         phase.length, phase.length);
  }
  if (!r.phases.empty() || o.extension_hours > 0) {
    const Figure flops = r.phases.empty()
                             ? Figure{}
                             : because(hours(extension), "sum over phases of the same", terms);
    const Figure used =
        o.extension_hours > 0 ? given(hours(o.extension_hours), "--extension_hours") : flops;
    section.rows.push_back(phase_row("extension", "context extension", tokens, r, used, flops));
    total += used.value;
    by_flops += r.phases.empty() ? used.value : extension;
  }
  if (o.other_hours > 0) {
    section.rows.push_back(phase_row("other", "after that", 0, r,
                                     given(hours(o.other_hours), "--other_hours"), Figure{}));
    total += o.other_hours;
    by_flops += o.other_hours;
  }
  section.rows.push_back(phase_row(
      "total", "together", r.tokens + tokens, r, because(hours(total), "sum of the above", ""),
      because(hours(by_flops), "sum, stated hours where there are no FLOPs", "")));
  if (o.extension_hours > 0 && extension > 0) {
    section.notes.push_back(fmt::format(
        "context extension: at the share of peak of pre-training its FLOPs are {:+.1f} % off the "
        "stated hours",
        100 * (extension / o.extension_hours - 1)));
  }
  if (r.device.price <= 0) section.notes.push_back("no price is known for it: give --price");
  return section;
}

}  // namespace r1
