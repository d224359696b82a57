// What the search ranks: guides first, then reference, then decision records and the changelog.
// The numbers beside `score` are Sphinx's own.
var Scorer = {
  score: ([docname, , , , score]) => {
    if (docname.startsWith("docs/guides/")) return score + 4;
    return docname.startsWith("docs/adr/") || docname === "CHANGELOG" ? score - 3 : score;
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
