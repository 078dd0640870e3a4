"""What examples are found by, with the full-text index of each database, made for the examples that are there."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from functions.few_shot.indexing import index_sql, marked, unindex_sql
from functions.few_shot.text import digest_of, text_of

ROWS_AT_ONCE = 500


def _make_index(apps, schema_editor):
    for statement in index_sql(schema_editor.connection.vendor):
        schema_editor.execute(statement)


def _drop_index(apps, schema_editor):
    for statement in unindex_sql(schema_editor.connection.vendor):
        schema_editor.execute(statement)


def _index_examples(apps, schema_editor):
    examples = apps.get_model('functions', 'DatasetExample').objects.order_by('key')
    words = apps.get_model('functions', 'ExampleWords').objects
    last = 0
    while rows := list(examples.filter(key__gt=last).only('key', 'function_id', 'input')[:ROWS_AT_ONCE]):
        texts = [text_of(row.input) for row in rows]
        words.bulk_create(
            words.model(example_id=row.key, words=marked(row.function_id, text), digest=digest_of(text))
            for row, text in zip(rows, texts)
        )
        last = rows[-1].key


class Migration(migrations.Migration):

    dependencies = [
        ('functions', '0004_one_dataset_a_function'),
    ]

    operations = [
        migrations.CreateModel(
            name='EmbeddingState',
            fields=[
                ('function', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='embedding', serialize=False, to='functions.function')),
                ('model', models.CharField(blank=True, help_text='provider/name, of the last time', max_length=255)),
                ('due_at', models.DateTimeField(db_index=True, null=True)),
                ('tries', models.SmallIntegerField(default=0)),
                ('error', models.CharField(blank=True, max_length=500)),
                ('updated_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.CreateModel(
            name='ExampleVector',
            fields=[
                ('example', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='vector', serialize=False, to='functions.datasetexample')),
                ('model', models.CharField(help_text='provider/name', max_length=255)),
                ('vector', models.BinaryField(help_text='Numbers of 32 bits; their squares come to 1.')),
                ('digest', models.CharField(help_text='Of the text it was made of.', max_length=32)),
            ],
        ),
        migrations.CreateModel(
            name='ExampleWords',
            fields=[
                ('example', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='words', serialize=False, to='functions.datasetexample')),
                ('words', models.TextField(help_text='With a space between.')),
                ('digest', models.CharField(help_text='Of the text; empty where there is none.', max_length=32)),
            ],
            options={
                'verbose_name_plural': 'words of examples',
            },
        ),
        migrations.RunPython(_make_index, _drop_index),
        migrations.RunPython(_index_examples, migrations.RunPython.noop),
    ]
