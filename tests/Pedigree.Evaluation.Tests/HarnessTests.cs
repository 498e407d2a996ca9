using Pedigree.Evaluation.Harness;
using Pedigree.Evaluation.Tasks;
using Xunit;

namespace Pedigree.Evaluation.Tests;

public class HarnessTests
{
    [Fact]
    public void The_table_is_the_harness_table()
    {
        using var folder = new TinyFolder();
        folder.File("g.jsonl", """{"question": "How much?", "answer": "#### 4"}""" + "\n" + """{"question": "How many?", "answer": "#### 5"}""");
        var task = TaskLoader.Load(folder.Path, "gsm8k", "g.jsonl", fewshot: 1);
        var result = TaskScores.OfTask(task, [.. task.Items.Select(item => TaskScores.OfWritten(task, item, " It is 4.\n#### 4"))]);
        Assert.Equal("""
            |Tasks|Version|     Filter     |n-shot|  Metric   |   |Value |   |Stderr|
            |-----|------:|----------------|-----:|-----------|---|-----:|---|-----:|
            |gsm8k|      3|flexible-extract|     1|exact_match|↑  |0.5000|±  |0.5000|
            |     |      3|strict-match    |     1|exact_match|↑  |0.5000|±  |0.5000|

            """, HarnessTable.Write(new EvaluationResults([result])), ignoreLineEndingDifferences: true);
    }
}
