using Pedigree.Evaluation.Tasks;
using Xunit;

namespace Pedigree.Evaluation.Tests.Tasks;

public class Gsm8kTests
{
    private const string Reference = "He pays 1,000 + 234.\n#### 1,234";

    private static EvaluationTask Load()
    {
        using var folder = new TinyFolder();
        folder.File("g.jsonl", """{"question": "How much?", "answer": "He pays 1,000 + 234.\n#### 1,234"}""");
        return TaskLoader.Load(folder.Path, "gsm8k", "g.jsonl", fewshot: 0);
    }

    [Fact]
    public void The_prompt_is_the_question_and_the_target_the_whole_answer()
    {
        var item = Load().Items.Single();
        Assert.Equal(new TextRequest("Question: How much?\nAnswer:", ""), item.Requests.Single());
        Assert.Equal(Reference, item.Target);
    }

    [Theory]
    [InlineData(" So 1,234.\n#### 1,234", "1,234", "1,234", 1, 1)]
    [InlineData(" #### 7\n#### 1234", "7", "1234", 0, 1)]
    [InlineData(" It is $1,234.", "[invalid]", "$1,234.", 0, 1)]
    [InlineData(" Some say 5 or 6", "[invalid]", "6", 0, 0)]
    [InlineData(" ####1234", "[invalid]", "1234", 0, 1)]
    [InlineData(" #### -1234", "-1234", "-1234", 0, 0)]
    [InlineData(" none", "[invalid]", "[invalid]", 0, 0)]
    public void Strict_takes_the_first_marked_number_and_flexible_the_last_of_any(
        string output, string strict, string flexible, double strictScore, double flexibleScore)
    {
        var definition = Load().Definition!;
        Assert.Equal(["strict-match", "flexible-extract"], definition.Filters.Select(filter => filter.Name));
        string[] found = [.. definition.Filters.Select(filter => filter.Apply(output))];
        Assert.Equal([strict, flexible], found);
        Assert.Equal(
            [strictScore, flexibleScore], found.Select(text => Metrics.ExactMatch(definition.Metrics[0], text, [Reference])));
    }
}
