using System.Text.Json.Nodes;
using Pedigree.Evaluation.Jinja;
using Xunit;

namespace Pedigree.Evaluation.Tests.Jinja;

public class JinjaTemplateTests
{
    private static readonly JsonObject Golden =
        JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Jinja", "golden", "golden.json")))!.AsObject();

    public static TheoryData<string, string> Tasks => Cases("tasks");

    public static TheoryData<string, string> Chats => Cases("chats");

    private static TheoryData<string, string> Cases(string kind)
    {
        var cases = new TheoryData<string, string>();
        foreach (var entry in Golden[kind]!.AsArray())
            cases.Add((string)entry!["template"]!, (string)entry["text"]!);
        return cases;
    }

    [Theory, MemberData(nameof(Tasks))]
    public void A_template_of_a_task_gives_what_Jinja2_gives(string template, string text) =>
        Assert.Equal(
            text, JinjaTemplate.Parse(template, JinjaSettings.Task).Render(JinjaValue.Variables(Golden["doc"]!.AsObject())));

    [Theory, MemberData(nameof(Chats))]
    public void A_template_of_a_chat_gives_what_the_transformers_library_would_give(string template, string text) =>
        Assert.Equal(text,
            JinjaTemplate.Parse(template, JinjaSettings.Chat).Render(JinjaValue.Variables(Golden["chatValues"]!.AsObject())));

    [Theory]
    [InlineData("a\n{{ missing }}", 2, "`missing` is not defined; defined are x")]
    [InlineData("{{ x.y.z }}", 1, "a mapping has no `y`; it has a")]
    [InlineData("{{ x.a[3] }}", 1, "it has 1 items")]
    [InlineData("\n\n{{ x | upcase }}", 3, "the filter `upcase` is not supported")]
    [InlineData("{{ x is blue }}", 1, "the test `blue` is not supported")]
    [InlineData("{% include 'y' %}", 1, "{% include %} is not supported")]
    [InlineData("{% if x %}\n", 1, "needs a {% endif %}")]
    [InlineData("x{% endif %}", 1, "nothing to end")]
    [InlineData("\n{{ x", 2, "{{ without }}")]
    [InlineData("{{ x + 1 }}", 1, "`+` does not fit a mapping and a whole number")]
    [InlineData("{{ 1 / 0 }}", 1, "division by 0")]
    [InlineData("{{ x @ 1 }}", 1, "'@' is no part of an expression")]
    [InlineData("{{ (x }}", 1, "{{ without }}")]
    [InlineData("{{ x x }}", 1, "expected }}, not `x`")]
    [InlineData("{{ 'a'.nothing() }}", 1, "a text has no method `nothing`")]
    [InlineData("{{ raise_exception('no') }}", 1, "the template refuses this: no")]
    [InlineData("{{ range(1000000000) }}", 1, "too long")]
    [InlineData("{{ 'x' * 4000000000 }}", 1, "4000000000 repetitions")]
    [InlineData("{{ [1, 2] * 4000000000 }}", 1, "4000000000 repetitions")]
    [InlineData("{{ 9**99999999 }}", 1, "too large")]
    [InlineData("{{ 9223372036854775807 + 1 }}", 1, "too large")]
    [InlineData("{{ '1'.zfill(4000000000) }}", 1, "longer than")]
    [InlineData("{% macro f() %}{{ f() }}{% endmacro %}\n{{ f() }}", 1, "calls itself without end")]
    public void What_is_wrong_is_said_with_its_line(string template, int line, string message)
    {
        var error = Assert.Throws<JinjaException>(() =>
            JinjaTemplate.Parse(template, JinjaSettings.Task)
                .Render(JinjaValue.Variables(JsonNode.Parse("""{"x": {"a": [1]}}""")!.AsObject())));
        Assert.Equal(line, error.Line);
        Assert.Contains(message, error.Message);
    }

    [Theory]
    [InlineData("{{ ", "(", "1", ")", " }}")]
    [InlineData("{{ ", "[", "1", "]", " }}")]
    [InlineData("{{ ", "not ", "1", "", " }}")]
    [InlineData("{{ ", "- ", "1", "", " }}")]
    [InlineData("{{ 1", " + 1", "", "", " }}")]
    [InlineData("{{ 1", "|string", "", "", " }}")]
    [InlineData("{{ 1 if 1", " else 1 if 1", "", "", " }}")]
    [InlineData("", "{% if 1 %}", "x", "{% endif %}", "")]
    [InlineData("{% set a", "|upper", "", "", " %}x{% endset %}")]
    public void What_is_nested_a_hundred_thousand_times_is_refused_and_the_process_lives(
        string before, string open, string middle, string close, string after)
    {
        const int Times = 200_000;
        var template = $"{before}{string.Concat(Enumerable.Repeat(open, Times))}{middle}{string.Concat(Enumerable.Repeat(close, Times))}{after}";
        var error = Assert.Throws<JinjaException>(
            () => JinjaTemplate.Parse(template, JinjaSettings.Task).Render(new Dictionary<string, object?>()));
        Assert.Contains("nested too deeply", error.Message);
    }

    [Theory]
    [InlineData("{% for i in range(2000) %}{% for j in range(2000) %}{% endfor %}{% endfor %}")]
    [InlineData("{% macro a(n) %}{% if n > 0 %}{{ a(n - 1) }}{{ a(n - 1) }}{% endif %}{% endmacro %}{{ a(40) }}")]
    public void A_template_that_would_go_on_for_hours_is_refused(string source) =>
        Assert.Contains("take more than 1000000 turns", Assert.Throws<JinjaException>(
            () => JinjaTemplate.Parse(source, JinjaSettings.Task).Render(new Dictionary<string, object?>())).Message);

    [Fact]
    public void A_power_is_exact_and_the_powers_of_one_are_quick() =>
        Assert.Equal("387420489 -1 1 1 0 -7", JinjaTemplate.Parse(
            "{{ 9**9 }} {{ (0-1)**99999999999 }} {{ 1**99999999999 }} {{ 0**0 }} {{ 0**5 }} {{ (0-7)**1 }}",
            JinjaSettings.Task).Render(new Dictionary<string, object?>()));

    [Fact]
    public void A_literal_is_read_as_Python_writes_it_and_nothing_else_is()
    {
        Assert.Equal(
            new List<object?> { "a", "it's", 1L, 2.5, true, null }, JinjaTemplate.Literal("['a', \"it's\", 1, 2.5, True, None]"));
        Assert.Throws<JinjaException>(() => JinjaTemplate.Literal("name"));
        Assert.Throws<JinjaException>(() => JinjaTemplate.Literal("1 2"));
    }
}
