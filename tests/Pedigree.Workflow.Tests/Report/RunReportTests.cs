using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Pedigree.Evolution;
using Pedigree.Evolution.Tests;
using Pedigree.Workflow.Report;

namespace Pedigree.Workflow.Tests.Report;

public partial class RunReportTests
{
    [Fact]
    public async Task The_page_is_well_formed_and_asks_for_nothing_from_outside()
    {
        (string html, _) = await Finished("kinship");
        Parse(html);
        Assert.DoesNotMatch(Outside(), html);
        Assert.DoesNotContain("<td/>", html, StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", html, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("greedy")]
    [InlineData("kinship")]
    [InlineData("random")]
    public async Task Every_model_is_in_the_tree_the_map_and_the_scores(string strategy)
    {
        (string html, VectorWorld world) = await Finished(strategy);
        XElement page = Parse(html);
        string[] names = [.. world.Log.OfType<ModelEvaluated>().Select(evaluated => evaluated.Name)];
        string[] models = [.. names.Where(name => name != RunState.BaseName).Order(StringComparer.Ordinal)];
        Assert.Equal(models, Texts(Section(page, "family"), "text", "name").Order(StringComparer.Ordinal));
        Assert.Equal(models, Texts(Section(page, "kinship"), "text", "end").Order(StringComparer.Ordinal));
        Assert.Equal(names.Order(StringComparer.Ordinal),
            Section(page, "scores").Descendants("tbody")
                .Elements("tr")
                .Elements("th")
                .Select(cell => cell.Value)
                .Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Every_decision_is_there_with_its_reason_and_outcome()
    {
        (string html, VectorWorld world) = await Finished("kinship");
        XElement decisions = Section(Parse(html), "decisions");
        string[][] rows =
            [.. decisions.Descendants("tbody").Elements("tr").Select(row => row.Elements().Select(cell => cell.Value).ToArray())];
        Mating[] pairs = [.. world.Log.OfType<ParentsSelected>().SelectMany(selected => selected.Pairs)];
        Assert.Contains(pairs, pair => pair.Purpose == Purpose.Explore);
        Assert.Equal(pairs.Length, rows.Length);
        foreach ((Mating pair, string[] row) in pairs.Zip(rows))
        {
            ModelEvaluated child = world.Log.OfType<ModelEvaluated>().Single(evaluated => evaluated.Name == pair.Child);
            Assert.Equal(
                [pair.Child, pair.First, pair.Second, pair.Purpose == Purpose.Explore ? "explore" : "exploit"], row[..4]);
            Assert.Equal((100 * child.Average).ToString("0.00", CultureInfo.InvariantCulture), row[7]);
            Assert.Equal((100 * child.Gain!.Value).ToString("+0.00;−0.00;0.00", CultureInfo.InvariantCulture), row[8]);
            Assert.Equal(("–", pair.Reason), (row[6], row[9]));
        }
        PassedOver[] passed = [.. world.Log.OfType<ParentsSelected>().SelectMany(selected => selected.PassedOver)];
        Assert.NotEmpty(passed);
        Assert.Equal(passed.Select(pair => pair.Reason), decisions.Descendants("li").Select(item => item.Value.Split(": ")[1]));
    }

    [Fact]
    public async Task What_may_be_chance_is_said_to_be_with_the_tests_that_decided()
    {
        VectorWorld world = VectorWorld.Specialists(pValue: 0.04);
        await EvolutionRun.RunAsync(world.Spec("kinship") with { Significance = 0.03 }, world);
        string html = RunReport.Html("r", world.Log);
        Assert.Contains("10 items cannot tell that from chance, p = 0.0400", html, StringComparison.Ordinal);
        Assert.Contains(
            "S was decided at the level 0.03, with Holm's correction for 18 tests", Parse(html).Value, StringComparison.Ordinal);
        Assert.Equal(18, Section(Parse(html), "decisions").Descendants("li")
            .Count(item => item.Value.Contains("p = 0.7200 (bootstrap, 10 items)", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task The_best_model_and_its_ancestors_are_highlighted()
    {
        (string html, VectorWorld world) = await Finished("kinship");
        XElement family = Section(Parse(html), "family");
        Best best = world.Log.OfType<RunCompleted>().Single().Best!;
        XElement winner = Assert.Single(
            family.Descendants("g"), group => ((string?)group.Attribute("class"))?.Contains("winner") == true);
        Assert.StartsWith(best.Name, winner.Value, StringComparison.Ordinal);
        MergeCompleted made = world.Log.OfType<MergeCompleted>().Single(merged => merged.Name == best.Name);
        foreach (string parent in made.Parents)
            Assert.Contains(family.Descendants("g"), group => (string?)group.Attribute("class") == "node line"
                && group.Value.StartsWith(parent, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Names_and_errors_from_outside_cannot_become_markup()
    {
        const string hostile = "<img src=x onerror=\"alert(1)\">&\u0001\ud800";
        VectorWorld world = VectorWorld.Specialists();
        RunSpec spec = world.Spec("greedy") with { Tasks = [new TaskSpec(hostile)] };
        await EvolutionRun.RunAsync(spec, world);
        int index = world.Log.FindIndex(next => next is MergeCompleted);
        string lost = ((MergeCompleted)world.Log[index]).Name;
        string html = RunReport.Html(hostile, [.. world.Log.Take(index + 1), new WorkFailed(lost, "evaluate", hostile)]);
        XElement page = Parse(html);
        Assert.Empty(page.Descendants("img"));
        Assert.Equal("<img src=x onerror=\"alert(1)\">&\ufffd\ufffd", page.Descendants("h1").Single().Value);
        Assert.Contains(
            " evaluate failed: <img", page.Descendants("strong").Select(strong => strong.Value).Last(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_cut_off_after_any_event_still_makes_a_page()
    {
        (_, VectorWorld world) = await Finished("kinship");
        for (int length = 1; length <= world.Log.Count; length++)
            Parse(RunReport.Html("part", [.. world.Log.Take(length)]));
    }

    [Theory]
    [InlineData("1-1", true)]
    [InlineData("1-2", false)]
    public async Task A_child_that_failed_is_among_the_decisions_with_the_error(string child, bool atMerging)
    {
        VectorWorld world = new(
            new Dictionary<string, double[]> { ["a"] = [1, 0, 0.2], ["b"] = [0, 1, 0.1], ["c"] = [0.1, 0.3, 1] }, [0.5, 0.5, 0.5])
        {
            Unmergeable = atMerging ? [child] : [],
            Unscorable = atMerging ? [] : [child],
        };
        await EvolutionRun.RunAsync(world.Spec("greedy"), world);
        XElement page = Parse(RunReport.Html("failing", world.Log));
        XElement row = Section(page, "decisions").Descendants("tr").Single(cells => cells.Element("th")?.Value == child);
        Assert.Contains(atMerging ? "merge failed: no merge" : "evaluate failed: no score", row.Value, StringComparison.Ordinal);
        Assert.DoesNotContain(child, Texts(Section(page, "family"), "text", "name"));
    }

    private static async Task<(string Html, VectorWorld World)> Finished(string strategy)
    {
        VectorWorld world = VectorWorld.Specialists();
        await EvolutionRun.RunAsync(world.Spec(strategy), world);
        return (RunReport.Html("specialists", world.Log), world);
    }

    private static XElement Parse(string html) => XDocument.Parse(html).Root!;

    private static XElement Section(XElement page, string id) =>
        page.Descendants("section").Single(section => (string?)section.Attribute("id") == id);

    private static IEnumerable<string> Texts(XElement within, string element, string name) =>
        within.Descendants(element).Where(text => (string?)text.Attribute("class") == name).Select(text => text.Value);

    [GeneratedRegex(@"https?:|//|url\(|@import|<script|<link|src=")]
    private static partial Regex Outside();
}
