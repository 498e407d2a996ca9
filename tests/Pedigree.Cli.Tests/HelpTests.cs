namespace Pedigree.Cli.Tests;

public class HelpTests
{
    public static TheoryData<string> Verbs =>
        ["demo", "run", "runs", "show", "replay", "report", "stop", "merge", "kinship", "eval", "family train", "serve"];

    [Theory]
    [MemberData(nameof(Verbs))]
    public async Task Every_verb_explains_itself_with_an_example(string verb)
    {
        string help = (await Command.DoneAsync([.. verb.Split(' '), "--help"])).Output;
        Assert.Contains("Usage:", help, StringComparison.Ordinal);
        Assert.Contains("--json", help, StringComparison.Ordinal);
        Assert.Matches($@"Examples?:\s+pedigree {verb}", help);
        Assert.DoesNotContain(AppContext.BaseDirectory, help, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_lists_every_verb()
    {
        string help = (await Command.DoneAsync("--help")).Output;
        foreach (string verb in Verbs.Select(row => row.Data.Split(' ')[0]))
            Assert.Matches($@"\n  {verb} ", help);
    }

    [Theory]
    [InlineData("did you mean `replay`?", "repaly", "x")]
    [InlineData("did you mean `--store`?", "runs", "--stroe", "x")]
    [InlineData("did you mean `--store`?", "run", "--stroe", "x")]
    [InlineData("config: is missing", "merge")]
    [InlineData("'seven'", "eval", "x", "--task", "y", "--limit", "seven")]
    [InlineData("at least two models", "kinship", "base", "one")]
    public async Task What_was_asked_wrongly_is_said_in_one_line(string expected, params string[] arguments) =>
        Assert.Contains(expected, (await Command.RunAsync(arguments)).Refusal, StringComparison.Ordinal);

    [Fact]
    public async Task No_verb_at_all_is_asked_wrongly() => Assert.Equal(2, (await Command.RunAsync()).ExitCode);
}
