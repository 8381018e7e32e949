#include "data/math_words.h"

#include "base/error.h"

namespace r1 {
namespace {

MathWords english_words() {
  return {
      .ask = {"Calculate the value of {e} and show every step of your work.",
              "What is {e}? Explain how you get to the result.",
              "Please work out {e}, one operation after the other.",
              "Find the exact value of the following expression: {e}",
              "Evaluate {e}. Write down each of the calculations that you need."},
      .intro = {"I need to find the value of {e}. I will go one step at a time.",
                "Let me work out {e}. What stands in brackets comes first, then powers, then "
                "products, then sums.",
                "Okay, the expression is {e}. I have to be careful with the order of operations."},
      .think = {"Let me go through the story in the order in which it is told.",
                "I will follow what happens, one sentence after the other.",
                "Okay, I need to keep track of the numbers, so I take one event at a time."},
      .first = {"First, {l}.", "I begin with {l}.", "The first step is {l}."},
      .next = {"Then {l}.", "Next, {l}.", "After that, {l}.", "Now {l}."},
      .last = {"Finally, {l}.", "The last step is {l}.", "That leaves one step: {l}."},
      .leaves = {"What is left is {x}.", "Now the expression reads {x}.", "So I still have {x}."},
      .wait = {"Wait, that is not right: {l}, not {w}.",
               "Wait, let me do this again: {l}, not {w}.", "Hmm, {w} is wrong. In fact {l}."},
      .late = {"Wait, I made a mistake in the step before: {l}, not {w}.",
               "Wait, something is wrong. When I look back, {l}, and I wrote {w}."},
      .again = {"So I do this step again: {l}.", "With the right number, {l}."},
      .check = {"Let me check this: {l}, so it is right.", "I can verify it: {l}. Good.",
                "A quick check: {l}, which fits."},
      .answer = {"The answer is {v}.", "So the result is {v}.", "This gives {v} as the answer."},
      .close = {"So the result is {v}.", "That makes {v} in the end.",
                "Everything is done, and the result is {v}."}};
}

MathWords french_words() {
  return {
      .ask = {"Calcule la valeur de l'expression {e} et montre toutes les étapes du calcul.",
              "Combien font {e} ? Explique comment tu arrives à ce résultat.",
              "Effectue le calcul suivant, une opération après l'autre : {e}",
              "Trouve la valeur exacte de cette expression et écris tous tes calculs : {e}",
              "Quel est le résultat du calcul {e} ? Donne le détail de chaque étape."},
      .intro = {"Je dois trouver la valeur de {e}. Je vais avancer une étape à la fois.",
                "Je calcule {e}. Les parenthèses passent avant tout, puis les puissances, puis les "
                "produits et enfin les sommes.",
                "Voyons, l'expression est {e}. Il faut faire attention à l'ordre des opérations."},
      .think = {"Je suis cette histoire dans l'ordre où elle est racontée.",
                "Je vais reprendre ce qui se passe, une phrase après l'autre.",
                "Voyons, je dois bien suivre les nombres, donc je prends un événement à la fois."},
      .first = {"D'abord, {l}.", "Je commence par le calcul {l}.", "La première étape est {l}."},
      .next = {"Puis {l}.", "Ensuite, {l}.", "Après cela, {l}.", "Maintenant, {l}."},
      .last = {"Enfin, {l}.", "La dernière étape est {l}.", "Il reste une seule étape : {l}."},
      .leaves = {"Il reste à calculer {x}.", "L'expression devient alors {x}.",
                 "J'ai donc encore {x}."},
      .wait = {"Attends, ce n'est pas juste : {l}, et non {w}.",
               "Attends, je refais ce calcul : {l}, et non {w}.",
               "Non, {w} est faux. En réalité, {l}."},
      .late = {"Attends, je me suis trompé à l'étape d'avant : {l}, et non {w}.",
               "Attends, quelque chose ne va pas. En regardant bien, {l}, et j'ai écrit {w}."},
      .again = {"Je refais donc cette étape : {l}.", "Avec le bon nombre, on trouve {l}."},
      .check = {"Je vérifie ce calcul : {l}, donc c'est juste.",
                "On peut vérifier : {l}. C'est bon.",
                "Une petite vérification : {l}, cela convient."},
      .answer = {"La réponse est {v}.", "Le résultat est donc {v}.",
                 "On trouve donc {v} comme réponse."},
      .close = {"Le résultat est donc {v}.", "Cela fait {v} à la fin.",
                "Tout est calculé, et le résultat est {v}."}};
}

MathStories english_stories() {
  MathStories s;
  s.people = {{"Emma", "she"},  {"Lucas", "he"}, {"Olivia", "she"}, {"Daniel", "he"},
              {"Sarah", "she"}, {"Peter", "he"}, {"Julia", "she"},  {"Thomas", "he"}};
  s.things = {{"marbles", "marbles"},   {"stamps", "stamps"},   {"apples", "apples"},
              {"stickers", "stickers"}, {"pencils", "pencils"}, {"books", "books"}};
  s.start = {{"{n} has {a} {t}.", "At the beginning, {n} has {a} {t}.", "{n} owns {a} {t}."}, {}};
  s.gain = {{"Then {h} buys {b} more.", "{n} finds another {b}.", "A friend gives {n} {b} more."},
            {"With {b} more, {n} has {l} {t}", "{n} gets {b} more, which makes {l} {t}"}};
  s.loss = {
      {"Then {h} gives {b} of them to {o}.", "{n} loses {b} of them.", "{n} sells {b} of them."},
      {"Without those {b}, {n} has {l} {t}", "{b} of them go away, so there are {l} {t}"}};
  s.boxes = {{"Then {h} gets {b} boxes with {c} {t} in each.",
              "{n} buys {b} bags, and there are {c} {t} in every bag."},
             {"All of them together hold {l} {t}", "That is {b} times {c}, so {l} new {t}"}};
  s.multiply = {{"A present from {o} multiplies this number by {b}.",
                 "During the year the number of {t} grows to {b} times what it was."},
                {"The number becomes {b} times as large: {l} {t}"}};
  s.give_share = {
      {"Then {h} gives one {c} of them to {o}.", "{n} puts one {c} of them away for {o}."},
      {"One {c} of them is {l} {t}"}};
  s.has = {{"How many {t} does {n} have now?", "How many {t} does {n} have in the end?"}, {}};
  s.share = {
      {"{n} shares all of them equally among {b} friends. How many {t} does each friend get?"},
      {"Each of the {b} friends gets {l} {t}"}};
  s.together = {
      {"{o} has {b} times as many {t} as {n} has now. How many {t} do they have together?"},
      {"{o} has {b} times as many, so {l} {t}"}};
  s.sum = {{}, {"Together they have {l} {t}"}};
  s.shop = {{"In a shop, a notebook costs {a} euros and a pen costs {b} euros. {n} buys {c} "
             "notebooks and {d} pens"},
            {}};
  s.shop_first = {{" and pays with {p} euros. How much money does {n} get back?",
                   " and has {p} euros to pay with. How many euros are left?"},
                  {"The notebooks cost {l} euros"}};
  s.shop_second = {
      {". How many euros does {n} pay for everything?", ". What does all of it cost, in euros?"},
      {"The pens cost {l} euros"}};
  s.shop_change = {{"Everything together costs {l} euros"}, {"What is left is {l} euros"}};
  s.trip = {{"{n} drives for {c} hours at {a} kilometres per hour"},
            {"In the first part of the journey {n} covers {l} kilometres"}};
  s.trip_second = {{" and then for {d} hours at {b} kilometres per hour."},
                   {"In the second part of the journey {n} covers {l} kilometres"}};
  s.trip_total = {{" How many kilometres does {n} travel in all?",
                   " How long is the whole journey, in kilometres?"},
                  {"The whole journey is {l} kilometres"}};
  s.trip_left = {{" The town that {h} wants to reach is {p} kilometres away. How many kilometres "
                  "are left?"},
                 {"The distance that is left is {l} kilometres"}};
  return s;
}

MathStories french_stories() {
  MathStories s;
  s.people = {{"Léa", "elle"},   {"Hugo", "il"},  {"Manon", "elle"},   {"Louis", "il"},
              {"Chloé", "elle"}, {"Jules", "il"}, {"Camille", "elle"}, {"Paul", "il"}};
  s.things = {{"billes", "de billes"}, {"timbres", "de timbres"}, {"pommes", "de pommes"},
              {"images", "d'images"},  {"crayons", "de crayons"}, {"livres", "de livres"}};
  s.start = {{"{n} a {a} {t} dans une grande boîte.", "Au début de la semaine, {n} a {a} {t}.",
              "{n} possède déjà {a} {t} à la maison."},
             {}};
  s.gain = {{"Ensuite, {h} en achète encore {b}.", "{n} en trouve {b} autres.",
             "Un ami lui en donne {b} de plus."},
            {"Avec {b} de plus, {n} a {l} {t}", "{n} en reçoit {b} de plus, ce qui fait {l} {t}"}};
  s.loss = {{"Ensuite, {h} en donne {b} à {o}.", "Pendant le voyage, {n} en perd {b}.",
             "Le lendemain, {n} en vend {b}."},
            {"Sans ces {b}, il lui reste {l} {t}", "On en retire {b}, donc il y a {l} {t}"}};
  s.boxes = {
      {"Ensuite, {h} reçoit {b} boîtes qui contiennent chacune {c} {t}.",
       "{n} achète {b} sacs, et il y a {c} {t} dans chaque sac."},
      {"Tous ensemble, ils contiennent {l} {t}", "C'est {b} fois {c}, donc {l} nouveaux objets"}};
  s.multiply = {{"Un cadeau de {o} multiplie ce nombre par {b}.",
                 "Pendant l'année, le nombre {f} est multiplié par {b}."},
                {"Le nombre est multiplié par {b} : cela fait {l} {t}"}};
  s.give_share = {{"Ensuite, {h} en donne un {c} à {o}.", "{n} en met un {c} de côté pour {o}."},
                  {"Un {c} de ce nombre, c'est {l} {t}"}};
  s.has = {{"Combien {f} {n} a-t-{h} maintenant ?", "Combien {f} {n} a-t-{h} à la fin ?"}, {}};
  s.share = {
      {"{n} partage le tout en parts égales entre {b} amis. Combien {f} reçoit chaque ami ?"},
      {"Chacun des {b} amis reçoit {l} {t}"}};
  s.together = {{"{o} a {b} fois plus {f} que {n} maintenant. Combien {f} cela fait-il ensemble ?"},
                {"{o} en a {b} fois plus, donc {l} {t}"}};
  s.sum = {{}, {"Ensemble, cela fait {l} {t}"}};
  s.shop = {{"Dans un magasin, un cahier coûte {a} euros et un stylo coûte {b} euros. {n} achète "
             "{c} cahiers et {d} stylos"},
            {}};
  s.shop_first = {{" et paie avec {p} euros. Combien d'argent lui rend-on ?",
                   ", avec {p} euros en poche. Combien d'euros lui reste-t-il ?"},
                  {"Les cahiers coûtent {l} euros"}};
  s.shop_second = {{". Combien d'euros doit-on payer pour le tout ?",
                    ". Quel est le prix de l'ensemble, en euros ?"},
                   {"Les stylos coûtent {l} euros"}};
  s.shop_change = {{"Le tout coûte {l} euros"}, {"Il reste donc {l} euros"}};
  s.trip = {{"{n} roule pendant {c} heures à {a} kilomètres par heure"},
            {"Pendant la première partie du voyage, {n} parcourt {l} kilomètres"}};
  s.trip_second = {{", puis pendant {d} heures à {b} kilomètres par heure."},
                   {"Pendant la deuxième partie du voyage, {n} parcourt {l} kilomètres"}};
  s.trip_total = {{" Combien de kilomètres {n} parcourt-{h} en tout ?",
                   " Quelle est la longueur de tout le voyage, en kilomètres ?"},
                  {"Le voyage entier fait {l} kilomètres"}};
  s.trip_left = {{" La ville où {h} veut arriver est à {p} kilomètres. Combien de kilomètres "
                  "reste-t-il ?"},
                 {"La distance qui reste est de {l} kilomètres"}};
  return s;
}

}  // namespace

const std::vector<std::string>& math_languages() {
  static const std::vector<std::string> languages{"en", "fr"};
  return languages;
}

const MathWords& math_words(std::string_view language) {
  static const MathWords english = english_words(), french = french_words();
  CHECK(language == "en" || language == "fr", "language {}", language);
  return language == "fr" ? french : english;
}

const MathStories& math_stories(std::string_view language) {
  static const MathStories english = english_stories(), french = french_stories();
  CHECK(language == "en" || language == "fr", "language {}", language);
  return language == "fr" ? french : english;
}

std::string_view draw_phrase(const Phrasings& phrasings, Rng& rng) {
  CHECK(!phrasings.empty(), "a sentence without phrasings");
  return phrasings[static_cast<size_t>(rng.below(static_cast<int64_t>(phrasings.size())))];
}

std::string fill_phrase(std::string_view phrase,
                        std::initializer_list<std::pair<char, std::string>> places) {
  std::string text;
  for (size_t i = 0; i < phrase.size(); ++i) {
    const bool is_place = phrase[i] == '{' && i + 2 < phrase.size() && phrase[i + 2] == '}';
    if (!is_place) {
      text += phrase[i];
      continue;
    }
    bool found = false;
    for (const auto& [name, value] : places) {
      if (name != phrase[i + 1]) continue;
      text += value;
      found = true;
    }
    CHECK(found, "no text for the place {} of: {}", phrase[i + 1], phrase);
    i += 2;
  }
  return text;
}

std::string capitalized(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 32);
  return text;
}

}  // namespace r1
