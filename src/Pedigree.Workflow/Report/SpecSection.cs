using System.Text.Json;
using System.Xml.Linq;
using Pedigree.Evolution;
using static Pedigree.Workflow.Report.Markup;

namespace Pedigree.Workflow.Report;

/// <summary>What was asked for, as the log has it, and what the models are called in the store.</summary>
internal static class SpecSection
{
    private static readonly JsonSerializerOptions Indented = new(EventJson.Options) { WriteIndented = true };

    public static XElement Of(RunHistory history) => Section("spec", "What was asked for",
        "The spec as the first event of the log has it, and the digest that names each model in the store.",
        Scrolled(Element("pre", JsonSerializer.Serialize(history.Spec, Indented))),
        Table([Element("th", "model"), Element("th", "digest")],
            Models(history).Select(model => Element("tr", Element("th", model.Name), Element("td.digest", model.Digest)))));

    private static IEnumerable<Model> Models(RunHistory history) =>
        history.State.Base is { } ancestor ? history.InOrder.Prepend(ancestor) : history.InOrder;
}
