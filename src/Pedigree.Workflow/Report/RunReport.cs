using Pedigree.Evolution;

namespace Pedigree.Workflow.Report;

/// <summary>A run as one page for people: self-contained, fit for light and dark screens, phones and paper.</summary>
public static class RunReport
{
    /// <summary>The page, from the events alone; a run that still goes on is shown as far as it came.</summary>
    /// <param name="run">The run's id.</param>
    /// <param name="events">The log from its first event.</param>
    /// <returns>HTML that is well-formed XML too and asks for nothing from outside.</returns>
    public static string Html(string run, IReadOnlyList<RunEvent> events)
    {
        RunHistory history = RunHistory.From(run, events);
        return Markup.Page($"Pedigree: {run}",
        [
            Headline.Of(history),
            Curve.Of(history),
            FamilyTree.Of(history),
            KinshipMap.Of(history),
            DecisionTables.Of(history),
            ScoreTable.Of(history),
            SpecSection.Of(history),
        ]);
    }
}
