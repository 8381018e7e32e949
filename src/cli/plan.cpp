// r1 plan: parameters, memory, cache, FLOPs, hours and price of a model, before anything is
// trained.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/log.h"
#include "cli/plan_machine.h"
#include "cli/verbs.h"
#include "models/family.h"
#include "models/model_io.h"
#include "models/published.h"

namespace r1 {
namespace {

/// One of a few words, by its place.
Result<int> choose(const char* option, const std::string& word,
                   std::initializer_list<const char*> words) {
  std::string known;
  int place = 0;
  for (const char* one : words) {
    if (word == one) return place;
    ++place;
    if (!known.empty()) known += ", ";
    known += one;
  }
  return fail("--{} is '{}'; it is one of {}", option, word, known);
}

struct Named {
  std::string name;
  ModelConfig config;
};

/// A path that exists, else a published name.
Result<Named> find_model(const std::string& model) {
  std::error_code unreadable;
  if (std::filesystem::exists(model, unreadable)) {
    if (Path(model).extension() != ".json") {
      R1_TRY(ModelConfig config, open_config(model));
      return Named{model, std::move(config)};
    }
    R1_TRY(const std::string text, read_text(model));
    auto config = read_model_config(text);
    if (!config) return fail_with(config.error().with(model));
    return Named{model, std::move(*config)};
  }
  if (model.find('/') != std::string::npos) return fail("{}: no such file or folder", model);
  R1_TRY(const std::string text, published_config(model));
  R1_TRY(ModelConfig config, read_model_config(text));
  return Named{published_name(model), std::move(config)};
}

Result<Device> device_of(const PlanConfig& o) {
  Device device;
  if (o.device == "custom") {
    if (!(o.flops > 0 && o.memory > 0)) {
      return fail("a custom device needs --flops (TFLOP/s of bf16) and --memory (GB)");
    }
    device = {"custom", "custom device", 0, 0, 0, 0, 0, 0, "given"};
  } else {
    R1_TRY(device, find_device(o.device));
  }
  if (o.flops > 0) device.bf16 = device.fp8 = device.f32 = o.flops * 1e12;
  if (o.memory > 0) device.memory = o.memory * 1e9;
  if (o.bandwidth > 0) device.bandwidth = o.bandwidth * 1e9;
  if (o.price >= 0) device.price = o.price;
  return device;
}

Result<Layout> layout_of(const PlanConfig& o) {
  Layout l;
  R1_TRY(const int schedule, choose("schedule", o.schedule, {"1f1b", "zb1p", "dualpipe"}));
  R1_TRY(const int recompute, choose("recompute", o.recompute, {"none", "selective", "full"}));
  R1_TRY(const int dtype, choose("dtype", o.dtype, {"f32", "bf16", "fp8"}));
  R1_TRY(const int moments, choose("moments", o.moments, {"bf16", "f32"}));
  R1_TRY(const int gradients, choose("gradients", o.gradients, {"bf16", "f32"}));
  l.schedule = static_cast<Schedule>(schedule);
  l.recompute = static_cast<Recompute>(recompute);
  l.dtype = static_cast<PlanDtype>(dtype);
  l.moment_bytes = moments == 0 ? 2 : 4;
  l.gradient_bytes = gradients == 0 ? 2 : 4;
  l.gpus = o.gpus, l.pp = o.pp, l.ep = o.ep, l.dp = o.dp, l.tp = o.tp, l.zero = o.zero;
  if (o.gpus == 0)
    l.gpus = o.pp * o.tp * std::max({o.dp, o.ep / std::max<int64_t>(1, o.tp), int64_t{1}});
  l.length = o.sequence_length, l.batch = o.batch, l.micro_batch = o.micro_batch;
  return l;
}

Result<void> check_numbers(const PlanConfig& o) {
  const std::pair<const char*, double> numbers[] = {{"flops", o.flops},
                                                    {"memory", o.memory},
                                                    {"bandwidth", o.bandwidth},
                                                    {"efficiency", o.efficiency},
                                                    {"other_hours", o.other_hours},
                                                    {"extension_hours", o.extension_hours},
                                                    {"hours_per_trillion", o.hours_per_trillion}};
  for (const auto& [name, value] : numbers) {
    if (!(value >= 0 && value < 1e15)) return fail("--{} is {}; it cannot be", name, value);
  }
  if (!(o.price >= -1 && o.price < 1e9)) return fail("--price is {}; it cannot be", o.price);
  if (o.efficiency > 1)
    return fail("--efficiency is {}; it is a share: 0.4 for 40 %", o.efficiency);
  if (!(o.cache_bits > 0 && o.cache_bits <= 64)) {
    return fail("--cache_bits is {}; it is from 1 to 64", o.cache_bits);
  }
  if (!(o.seconds > 0 && o.seconds <= 600)) {
    return fail("--seconds is {}; it is above 0 and at most 600", o.seconds);
  }
  return {};
}

Result<PlanRequest> request_of(const PlanConfig& o, const Named& model) {
  PlanRequest r{o, model.name};
  if (!o.tokens.empty()) {
    R1_TRY(r.tokens, parse_count(o.tokens));
  }
  for (const std::string& text : o.extension) {
    R1_TRY(const PhaseSize phase, parse_phase(text));
    r.phases.push_back(phase);
  }
  R1_TRY(r.device, device_of(o));
  R1_TRY(r.layout, layout_of(o));
  if (r.layout.gpus > 1) r.options.gpus = r.layout.gpus;
  if (r.layout.dtype == PlanDtype::kFP8 && r.device.fp8 == 0) {
    return fail("{} has no FP8 arithmetic; use --dtype bf16", r.device.title);
  }
  return r;
}

/// What a step of the options would be on this machine.
Result<MachineRequest> machine_request(const PlanConfig& o, const Named& model) {
  MachineRequest request{model.name, {model.config}, 0};
  StepPlan& p = request.plan;
  R1_RETURN_IF_ERROR(set_fp8(p.config, o.dtype, p.args.fp8_gradient_tile));
  R1_TRY(p.dtype, held_dtype(o.dtype));
  R1_TRY(const Layout layout, layout_of(o));
  if (o.sequence_length < 1 || o.batch < 0 || o.micro_batch < 1) {
    return fail("sequence_length and micro_batch are at least 1, and batch at least 0");
  }
  p.kv_dtype = p.dtype;
  p.length = std::min(o.sequence_length, model.config.max_positions);
  p.tokens = p.length * std::max<int64_t>(o.batch, o.micro_batch);
  p.args.micro_batch_tokens = p.length * o.micro_batch;
  p.args.gradient_checkpointing = layout.recompute == Recompute::kFull;
  if (o.tokens.empty()) return request;
  R1_TRY(const double tokens, parse_count(o.tokens));
  request.steps = static_cast<int64_t>(std::ceil(tokens / static_cast<double>(p.tokens)));
  return request;
}

void print(const std::vector<Section>& sections, const PlanConfig& o) {
  const std::string text =
      o.json ? sheet_json(sections, o.explain) : sheet_text(sections, o.explain);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

Result<void> plan_here(const PlanConfig& o, MachineRequest request) {
  const StepPlan& p = request.plan;
  const ModelShape shape(p.config);
  PlanRequest r{o, request.name};
  r.layout.length = p.length;
  R1_TRY(Section cache, cache_section(shape, r));
  std::vector<Section> sections{parameter_section(shape), std::move(cache), flop_section(shape, r)};
  R1_TRY(const std::vector<Section> measured, machine_sections(request, o.seconds, o.threads));
  sections.insert(sections.end(), measured.begin(), measured.end());
  print(sections, o);
  const auto bytes_in = [&](size_t from_end) {
    const std::vector<Row>& rows = measured[0].rows;
    return rows[rows.size() - from_end].cells[0].value;
  };
  const double over = bytes_in(3) - bytes_in(2);
  if (over <= 0) return {};
  return fail("it does not fit: {} too much; try {}smaller micro-batches or a smaller model",
              human_bytes(over),
              p.args.gradient_checkpointing ? "" : "--recompute full (gradient_checkpointing), ");
}

Result<void> plan_cluster(const PlanConfig& o, const Named& model) {
  R1_TRY(PlanRequest r, request_of(o, model));
  const ModelShape shape(model.config);
  R1_TRY(r.layout, check_layout(r.layout, shape));
  R1_TRY(r.share, share_figure(shape, r));
  R1_TRY(Section cache, cache_section(shape, r));
  std::vector<Section> sections{parameter_section(shape), std::move(cache), flop_section(shape, r),
                                memory_section(shape, r)};
  sections[0].notes = published_readings(model.name);
  if (r.layout.pp > 1) sections.push_back(pipeline_section(r));
  sections.push_back(speed_section(shape, r));
  if (r.tokens > 0) sections.push_back(cost_section(shape, r));
  print(sections, o);
  const double used = heaviest_stage(shape, r.layout).bytes.total();
  if (used <= r.device.memory || r.options.gpus == 0) return {};
  const std::string advice = advise(shape, r.layout, r.device.memory);
  return fail("it does not fit into {}: {} too much on the fullest device{}{}", r.device.title,
              human_bytes(used - r.device.memory), advice.empty() ? "" : "; it would with ",
              advice);
}

Result<void> run_plan(const PlanConfig& o) {
  R1_RETURN_IF_ERROR(check_numbers(o));
  const std::string& name = o.model.empty() ? o.config_json : o.model;
  if (!o.recipe.empty()) {
    if (!name.empty()) return fail("give a model or --recipe, not both");
    R1_TRY(const MachineRequest request, read_recipe(o.recipe));
    return plan_here(o, request);
  }
  if (name.empty()) {
    return fail("name a model: r1 plan deepseek-v3, a model folder or a config.json");
  }
  R1_TRY(const Named model, find_model(name));
  if (o.device != "this" && o.device != "laptop") return plan_cluster(o, model);
  R1_TRY(const MachineRequest request, machine_request(o, model));
  return plan_here(o, request);
}

}  // namespace

Verb plan_verb() {
  Verb verb{"plan",
            "parameters, memory, cache, FLOPs, hours and price of a model before it is trained",
            {"r1 plan deepseek-v3 --compare qwen2.5-72b,llama-3.1-405b",
             "r1 plan --config recipes/plan-deepseek-v3.toml --explain",
             "r1 plan DIR --device a100 --gpus 64 --pp 4 --tokens 300B --json",
             "r1 plan --recipe recipes/v3-tiny.toml"},
            {}};
  verb.run = [verb](const std::vector<std::string>& args) {
    PlanConfig config;
    return run_verb(verb, config, name_positionals(list_fields(config), args, {"model"}), run_plan);
  };
  return verb;
}

}  // namespace r1
