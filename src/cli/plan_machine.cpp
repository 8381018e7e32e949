#include "cli/plan_machine.h"

#include "train/memory.h"

namespace r1 {
namespace {

constexpr double kBusy = 0.8;  // share of the cores below which others disturb

Section memory_of(const MachineRequest& r, const MemoryPlan& plan) {
  Section section{"memory", "memory of this machine", {"bytes"}, {}, {}};
  for (const auto& [name, n] : plan.parts) {
    section.rows.push_back({name,
                            name,
                            {because(bytes(static_cast<double>(n)),
                                     "the same code run on the backend that only counts", "",
                                     "docs/architecture.md")}});
  }
  const double total = static_cast<double>(plan.total());
  const double there = static_cast<double>(available_memory());
  section.rows.push_back({"total", "together", {because(bytes(total), "sum", "")}});
  section.rows.push_back({"available", "there is", {given(bytes(there), "MemAvailable")}});
  section.rows.push_back({"used",
                          total <= there ? "it fits: used" : "it does NOT fit: used",
                          {because(percent(total / there), "together / there is", "")}});
  section.notes.push_back(fmt::format(
      "a micro-batch of {} tokens{}", r.plan.args.micro_batch_tokens,
      r.plan.args.gradient_checkpointing ? ", activations recomputed (gradient_checkpointing)"
                                         : ""));
  return section;
}

Section measured(const StepForecast& f, int threads) {
  Section section{"measured", fmt::format("measured here, {} threads", threads), {"value"}, {}, {}};
  section.rows.push_back({"products",
                          "products at the model's shapes, FLOP/s",
                          {because(flop(f.gemm_rate),
                                   "FLOPs / seconds, weighted by the model's own "
                                   "number of each shape",
                                   "")}});
  section.rows.push_back(
      {"bandwidth",
       "memory, bytes a second",
       {because(flop(f.bandwidth), "7 arrays of 64 MiB / seconds of one AdamW update", "")}});
  section.rows.push_back(
      {"cores",
       "share of the cores that it got",
       {because(percent(f.cores), "processor seconds / (seconds × threads)", "")}});
  if (f.slice.empty()) return section;
  section.rows.push_back({"slice",
                          "forward and backward of " + f.slice,
                          {because(seconds(f.slice_seconds), "lower quartile of the runs", "")}});
  return section;
}

Section forecast_section(const MachineRequest& r, const StepForecast& f) {
  const StepPlan& p = r.plan;
  Section section{"forecast", "what follows", {"value"}, {}, {}};
  const bool whole = f.slice.starts_with("the whole");
  const char* how = f.is_bound ? "training FLOPs / rate of the products: at least this"
                    : whole    ? "measured"
                               : "rest × words + layers × (difference of the slices), × tokens";
  const auto add = [&](const char* key, std::string label, Figure figure) {
    section.rows.push_back({key, std::move(label), {std::move(figure)}});
  };
  add("compute", "forward and backward of a step", because(seconds(f.compute_seconds), how, ""));
  add("update", "AdamW and new panels",
      because(seconds(f.update_seconds),
              f.is_bound ? "bytes / bandwidth" : "measured × parameters / parameters measured",
              ""));
  const double step = f.seconds(), tokens = static_cast<double>(p.tokens);
  add("step", fmt::format("a step of {} tokens{}", p.tokens, f.is_bound ? ", at least" : ""),
      because(seconds(step), "their sum",
              fmt::format("{:.4g} + {:.4g}", f.compute_seconds, f.update_seconds)));
  if (f.cores < kBusy) {
    add("alone", "the same while no other program runs, about",
        because(seconds(step * f.cores), "seconds × share of the cores",
                fmt::format("{:.4g} × {:.3g}", step, f.cores)));
  }
  add("tokens_per_second", "tokens a second",
      because(rounded(tokens / step), "tokens / seconds",
              fmt::format("{} / {:.4g}", p.tokens, step)));
  const ModelShape shape(p.config);
  const double flops = shape.flops.train(static_cast<double>(p.length), false);
  add("share", "share of the products' rate",
      because(percent(flops * tokens / step / f.gemm_rate),
              "FLOPs of a token × tokens a second / rate",
              fmt::format("{:.4g} × {:.4g} / {:.4g}", flops, tokens / step, f.gemm_rate)));
  if (r.steps > 0) {
    const double n = static_cast<double>(r.steps);
    add("run", fmt::format("the run of {} steps, {} tokens", r.steps, short_count(n * tokens)),
        because(seconds(n * step), "steps × seconds", fmt::format("{} × {:.4g}", r.steps, step)));
  }
  if (f.is_bound) section.notes.push_back("no slice of it ran: too large for this memory or time");
  return section;
}

}  // namespace

Result<std::vector<Section>> machine_sections(const MachineRequest& r, double seconds,
                                              int threads) {
  R1_TRY(const Machine machine, Machine::open({.threads = threads}));
  const StepPlan& p = r.plan;
  const MemoryPlan memory = plan_training(p.config, p.dtype, p.kv_dtype, p.args, p.length);
  R1_TRY(const StepForecast forecast, forecast_step(p, machine.launch(), seconds));
  return std::vector<Section>{memory_of(r, memory), measured(forecast, machine.threads()),
                              forecast_section(r, forecast)};
}

}  // namespace r1
