using System.Runtime.CompilerServices;
using Pedigree.Evaluation.Jinja;
using Pedigree.Evaluation.Tasks;
using Pedigree.Evaluation.Tokenizers;
using Pedigree.Weights;
using Xunit;

namespace Pedigree.Evaluation.Tests;

/// <summary>An expression that needs 2ⁿ steps for n letters, in every place where a file of others may have one.</summary>
public class UntrustedRegexTests
{
    private const string Hostile = "(a+)+$";
    private const string Text = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!";

    /// <summary>Matches are given up sooner than a user's, so that these tests need not wait.</summary>
    [ModuleInitializer]
    internal static void GiveUpSooner() => UntrustedRegex.LongestMatch = TimeSpan.FromSeconds(1);

    [Theory]
    [InlineData("""  "pre_tokenizer": {"type": "Split", "behavior": "Isolated", "pattern": {"Regex": "(a+)+$"}},  """)]
    [InlineData("""  "normalizer": {"type": "Replace", "content": "", "pattern": {"Regex": "(a+)+$"}},  """)]
    [InlineData("""  "decoder": {"type": "Replace", "content": "", "pattern": {"Regex": "(a+)+$"}},  """)]
    public void In_a_tokenizer_it_is_given_up_and_named(string part)
    {
        using var folder = new TinyFolder();
        folder.File("tokenizer.json",
            $$"""{ {{part}} "model": {"type": "BPE", "vocab": {"a": 0, "{{Text}}": 1}, "ignore_merges": true} }""");
        var tokenizer = TokenizerLoader.Open(folder.Path);
        var message = Assert.Throws<BadInputException>(() => tokenizer.Decode([1]) + tokenizer.Encode(Text, true).Length).Message;
        Assert.StartsWith(Path.Combine(folder.Path, "tokenizer.json"), message);
        Assert.Contains("the regular expression (a+)+$ takes more than 1 seconds on a text", message);
    }

    [Theory]
    [InlineData("filter_list: [{name: x, filter: [{function: regex, regex_pattern: (a+)+$}]}]")]
    [InlineData("metric_list: [{metric: exact_match, regexes_to_ignore: [(a+)+$]}]")]
    public void In_a_task_it_is_given_up_and_named(string key)
    {
        using var folder = new TinyFolder();
        folder.File("rows.jsonl", """{"q": "x"}""");
        folder.File("task.yaml", $"task: hostile\ndata: rows.jsonl\ndoc_to_text: q\ndoc_to_target: q\n{key}\n");
        var task = TaskLoader.Load(folder.Path, "task.yaml");
        var message = Assert.Throws<BadInputException>(() => TaskScores.OfWritten(task, task.Items[0], Text)).Message;
        Assert.StartsWith(Path.Combine(folder.Path, "task.yaml"), message);
        Assert.Contains("(a+)+$ takes more than", message);
    }

    [Fact]
    public void In_a_template_it_is_given_up_and_named_and_one_that_is_none_is_refused()
    {
        Assert.Contains("(a+)+$ takes more than",
            Assert.Throws<JinjaException>(() => Render($"{{{{ '{Text}' | regex_replace('{Hostile}', '') }}}}")).Message);
        Assert.Contains("not a regular expression",
            Assert.Throws<JinjaException>(() => Render("{{ 'a' | regex_replace('(', '') }}")).Message);

        static string Render(string template) =>
            JinjaTemplate.Parse(template, JinjaSettings.Task).Render(new Dictionary<string, object?>());
    }
}
